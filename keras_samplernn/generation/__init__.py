"""From weights and controls to blocks of sound, and from a request to wav files."""
