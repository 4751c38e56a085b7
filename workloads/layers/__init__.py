"""Parts of networks: layers, activations, first weights, embeddings."""
