"""What is watched and heard while a model is trained: the log of TensorBoard, sounds it makes, hearings of them."""
