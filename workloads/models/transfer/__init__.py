"""Transfer learning: pre-trained backbones, as fixed features computed once, or with their last stages trained."""
