"""Parts of networks that several models use: layers, activations, initial weights, embeddings."""
