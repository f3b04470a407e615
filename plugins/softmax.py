"""The head of SampleRNN: a logit for each code (paper, section 2)."""

from typing import Any

from keras_samplernn import Head, bits_per_sample


class Softmax(Head):
    """One softmax over all codes; the outputs of the bottom tier are its logits."""

    @property
    def width(self) -> int:
        """A logit for each code."""
        return self.q_levels

    def part_bits(self, outputs: Any, codes: Any, prepared: None) -> list[Any]:
        """Return the bits of the codes; see `Head.part_bits`."""
        return [bits_per_sample(codes, outputs)]

    def draw(self, outputs: Any, choose: Any, prepared: None) -> Any:
        """Draw the codes; see `Head.draw`."""
        return choose(outputs, 0)
