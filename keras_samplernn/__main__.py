"""`python -m keras_samplernn COMMAND` is the installed `keras-samplernn COMMAND`."""

from keras_samplernn.commands import main

if __name__ == "__main__":
    main()
