"""What a machine, its libraries and its folders have for training and generating, and what to do about what is missing.

`examination.py` puts the findings together. TensorFlow and other libraries with native code are imported in a process
of their own (`probe.py`), which may end however it likes.
"""
