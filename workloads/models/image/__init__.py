"""Image classification: residual networks, augmentation on the device."""
