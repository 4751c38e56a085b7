"""Many members as one program: the loop, its forward pass, gradients by hand where they pay."""
