"""Deliberate faults, one for each law and promise, and the tests that must fail on every one of them.

    python tests/mutants.py [WORDS]      WORDS: only the faults whose names hold them

Each fault is put into a copy of the checkout, where the tests named beside it are run: `make mutants`, about a quarter
of an hour. The same tests must pass there without a fault.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[1]
ENGINE = "keras_samplernn/generation/engine.py"


class Mutant(NamedTuple):
    """A fault on purpose.

    Attributes:
        name: what is wrong then.
        path: the file that it is put into.
        old: text that stands there once; new: what takes its place.
        tests: pytest's arguments.
    """

    name: str
    path: str
    old: str
    new: str
    tests: str


MUTANTS = (
    # Alignment: generation equals training, and both equal the oracle.
    Mutant(
        "contexts come a slot too late",
        ENGINE,
        "ops.take(outputs, number, axis=1)",
        "ops.take(outputs, ops.maximum(number - 1, 0), axis=1)",
        "tests/test_generation_laws.py",
    ),
    Mutant(
        "tiers see a sample that they have to predict",
        "keras_samplernn/model/samplernn.py",
        "+ (self.lookback - reads)",
        "+ (self.lookback - reads + 1) - 1 * (reads > 2)",
        "tests/test_model_laws.py",
    ),
    Mutant(
        "conditions of the sample before",
        "keras_samplernn/data/batches.py",
        "(lane, slice(valid)), offset, offset + valid, hidden",
        "(lane, slice(valid)), max(offset - 1, 0), max(offset - 1, 0) + valid, hidden",
        "tests/test_batches.py",
    ),
    Mutant(
        "targets past a sound's end count in the mean",
        "keras_samplernn/model/encoder.py",
        "ops.sum(conditions.exists, axis=-1, keepdims=True), 1)",
        "ops.sum(conditions.exists * 0 + 1, axis=-1, keepdims=True), 1)",
        "tests/test_model_laws.py -k ends_inside",
    ),
    # Candidates.
    Mutant(
        "a passage goes on from the first take, not from the one that is kept",
        "keras_samplernn/generation/candidates.py",
        "first = (self.rows.start + kept) * self._rows_of_a_sound",
        "first = self.rows.start * self._rows_of_a_sound",
        "tests/test_candidates.py -k kept",
    ),
    Mutant(
        "the samples of the next class count in a passage",
        "keras_samplernn/generation/take_bits.py",
        "counted &= self._contrast.asked(block.conditions) == self._asked[:, None]",
        "pass",
        "tests/test_candidates.py -k posterior_is",
    ),
    Mutant(
        "faulty takes are kept",
        "keras_samplernn/generation/candidates.py",
        "scores, ~faulty))[-1])",
        "scores))[-1])",
        "tests/test_candidates.py -k faulty_takes",
    ),
    # What is asked for.
    Mutant(
        "a hidden layer of conditions without its ReLU",
        "keras_samplernn/model/encoder.py",
        "affine(ops.relu(encoded + hidden_bias), output)",
        "affine(encoded + hidden_bias, output)",
        "tests/test_condition_laws.py -k logits_match",
    ),
    Mutant(
        "none adds the vector of class 0",
        "keras_samplernn/model/encoder.py",
        "return found * ops.cast(classes >= 0, matrix.dtype)[..., None]",
        "return found",
        "tests/test_condition_laws.py -k logits_match",
    ),
    Mutant(
        "a class fades as the first stream does",
        "keras_samplernn/model/encoder.py",
        "ops.one_hot(conditions.targets[..., column.fades]",
        "ops.one_hot(conditions.targets[..., 0]",
        "tests/test_condition_laws.py -k logits_match",
    ),
    Mutant(
        "the share of a span is told where its end is unknown",
        "keras_samplernn/conditions/columns.py",
        "        if lookahead:\n            share =",
        "        if True:\n            share =",
        "tests/test_condition_laws.py -k columns_are",
    ),
    Mutant(
        "a span begins anew with each control",
        "keras_samplernn/generation/controls.py",
        "Spans(last[0] - samples, *last[1:])",
        "Spans(last[0] * 0, *last[1:])",
        "tests/test_condition_laws.py -k controls",
    ),
    Mutant(
        "sounds in training are not guided",
        "keras_samplernn/monitoring/sounds.py",
        "seed, strength):",
        "seed):",
        "tests/test_monitoring.py -k generate",
    ),
    Mutant(
        "hearings in training are not guided",
        "keras_samplernn/monitoring/hearing.py",
        "monitoring.guidance, update",
        "1.0, update",
        "tests/test_listening.py -k guided_as",
    ),
    Mutant(
        "a listener hears the first files alone",
        "keras_samplernn/listening/judging.py",
        "number = int(np.argmax(has[:, rarest]))",
        "number = int(np.argmax(has.any(axis=1)))",
        "tests/test_listening.py -k all_classes",
    ),
    Mutant(
        "streams are none together only by chance",
        "keras_samplernn/data/dropout.py",
        "(drawn[:, 1:2] < share / 2) | (drawn[:, 2:] < alone)",
        "drawn[:, 2:] < share",
        "tests/test_condition_laws.py -k shares_of_each_stream",
    ),
    Mutant(
        "a stream is hidden in a lane, not in a piece",
        "keras_samplernn/data/batches.py",
        "(dropout.hidden[piece], ",
        "(dropout.hidden[lane], ",
        "tests/test_condition_laws.py -k not_told",
    ),
    Mutant(
        "guidance takes the mean of log probabilities",
        "keras_samplernn/generation/guidance.py",
        "ops.logsumexp(scores[:, 1:], axis=1)",
        "ops.mean(scores[:, 1:], axis=1)",
        "tests/test_condition_laws.py -k guided",
    ),
    Mutant(
        "rows of the base have a class past the end of the sound",
        "keras_samplernn/generation/contrast.py",
        "np.where(base.exists > 0, bases[..., row - 1], NONE)",
        "bases[..., row - 1]",
        "tests/test_condition_laws.py -k guided",
    ),
    Mutant(
        "a sample asks for the old one that it begins in",
        "keras_samplernn/conditions/track.py",
        "-((before - 2 * after * spans.starts) // (2 * before))",
        "-((-2 * after * spans.starts) // (2 * before))",
        "tests/test_condition_laws.py -k resampled",
    ),
    # Heads.
    Mutant(
        "the fine code is drawn given the coarse code beside",
        "plugins/coarse_fine.py",
        "choose(self._fine_logits(outputs[:, COARSE:], coarse, prepared), 1)",
        "choose(self._fine_logits(outputs[:, COARSE:], ops.maximum(coarse - 1, 0), prepared), 1)",
        "tests/test_coarse_fine.py -k generation_draws",
    ),
    Mutant(
        "both parts of a code are drawn with one uniform",
        ENGINE,
        "uniforms[:, part]",
        "uniforms[:, 0]",
        "tests/test_coarse_fine.py -k generation_draws",
    ),
    Mutant(
        "the coarse code is the upper half of the bits",
        "plugins/coarse_fine.py",
        "return shifted // FINE, shifted % FINE",
        "return codes // 256, codes % 256",
        "tests/test_coarse_fine.py -k code_of_256",
    ),
    Mutant(
        "tiers read the share of the sample before",
        "keras_samplernn/model/samplernn.py",
        "        return Inputs(read, self.rescale(codes), context, conditions, shares)",
        "        shares = None if shares is None else ops.roll(shares, 1, axis=1)\n"
        "        return Inputs(read, self.rescale(codes), context, conditions, shares)",
        "tests/test_coarse_fine.py",
    ),
    Mutant(
        "folded tables leave the shares as they were",
        "plugins/sample_mlp.py",
        'compose(prepared["shares"], (matrix, None))',
        'prepared["shares"]',
        "tests/test_coarse_fine.py -k generation_draws",
    ),
    Mutant(
        "guidance leaves the fine code as it is",
        ENGINE,
        "        if self.strengths is not None:\n            logits",
        "        if self.strengths is not None and part:\n            logits = logits[:: self.rows_of_a_sound]\n"
        "        elif self.strengths is not None:\n            logits",
        "tests/test_coarse_fine.py -k guidance",
    ),
    Mutant(
        "the score is that of the coarse code alone",
        "keras_samplernn/model/scoring.py",
        "found[0].sum(axis=-1)",
        "found[0][:, 0]",
        "tests/test_coarse_fine.py -k score",
    ),
    Mutant(
        "the curve of mu-law is that of all levels",
        "keras_samplernn/spec/heads.py",
        "    if audio.mu is None and audio",
        "    if False and audio",
        "tests/test_spec_heads.py -k mu_law_is_curved",
    ),
    # States.
    Mutant(
        "rows begin anew where they should go on",
        "keras_samplernn/model/samplernn.py",
        "(flags != 0, ",
        "(flags == 0, ",
        "tests/test_training_laws.py -k carried_states_and_resets",
    ),
    Mutant(
        "training forgets the states of the window before",
        "keras_samplernn/training/trainer.py",
        "        assign_here(self._carried, after.states)\n",
        "",
        "tests/test_training_laws.py -k in_place",
    ),
    Mutant(
        "a row takes over the state of the sound before it",
        "keras_samplernn/generation/stream.py",
        "self.begins[number, frames.start] = not row.begun",
        "self.begins[number, frames.start] = 0",
        "tests/test_stream.py tests/test_generate.py",
    ),
    Mutant(
        "validation carries states from file to file",
        "keras_samplernn/model/scoring.py",
        'states = restart_rows(batch["reset"], ',
        'states = restart_rows(batch["reset"] * 0, ',
        "tests/test_training_laws.py -k total_bits",
    ),
    # Windows in chunks.
    Mutant(
        "a chunk begins in the state before the window",
        "keras_samplernn/training/chunks.py",
        """return bits, (states, [""",
        """return bits, (carried[0], [""",
        "tests/test_remat.py -k whole_window",
    ),
    Mutant(
        "Keras casts the prepared forms of tiers to half precision",
        "keras_samplernn/model/tier.py",
        "(prepared or self.prepare)())",
        "keras.tree.map_structure(lambda x: None if x is None else ops.cast(x, self.compute_dtype), (prepared or"
        " self.prepare)()))",
        "tests/test_remat.py -k half",
    ),
    Mutant(
        "each chunk begins a sound",
        "keras_samplernn/training/chunks.py",
        'ops.where(first[:, None] == 0, batch["reset"][None], 0)',
        'ops.where(first[:, None] >= 0, batch["reset"][None], 0)',
        "tests/test_remat.py -k whole_window",
    ),
    Mutant(
        "no gradient goes from chunk to chunk",
        "keras_samplernn/training/remat.py",
        "(), (to_state, [",
        "(), ([0 * each for each in to_state], [",
        "tests/test_remat.py -k whole_window",
    ),
    Mutant(
        "all chunks are computed again from the state before the first",
        "keras_samplernn/training/remat.py",
        "earlier = _row(before, number)",
        "earlier = _row(before, ops.minimum(number, 0))",
        "tests/test_remat.py -k 'whole_window or drops'",
    ),
    Mutant(
        "the activations of all chunks are held",
        "keras_samplernn/training/remat.py",
        "return _scan_tensorflow(function, weights, rows, state)",
        "return scan_steps(lambda row, state: function(weights, row, state), rows, state)",
        "tests/test_remat.py -k memory",
    ),
    # Loss, figures, optimizer.
    Mutant(
        "padding is scored",
        "keras_samplernn/training/step.py",
        '< batch["valid"][:, None]',
        '<= batch["valid"][:, None]',
        "tests/test_training_laws.py -k padding",
    ),
    Mutant(
        "the gradient norm is taken of half of the gradients",
        "keras_samplernn/training/step.py",
        "for gradient in gradients))",
        "for gradient in gradients[::2]))",
        "tests/test_training_laws.py -k norm",
    ),
    Mutant(
        "gradients are not clipped",
        "keras_samplernn/training/optimizer.py",
        "if clip is not None:",
        "if clip is not None and clip < 0:",
        "tests/test_training_laws.py -k adam_in_place",
    ),
    Mutant(
        "classes are balanced by a quarter of what is asked",
        "keras_samplernn/data/balance.py",
        "** (1 - self._amount)",
        "** (1 - self._amount / 4)",
        "tests/test_balance.py -k share",
    ),
    Mutant(
        "each epoch visits the same segments",
        "keras_samplernn/data/balance.py",
        "epoch_bits(Purpose.BALANCE, seed, epoch)",
        "epoch_bits(Purpose.BALANCE, seed, 0)",
        "tests/test_balance.py -k alone",
    ),
    Mutant(
        "what comes before a piece is not as quiet as it",
        "keras_samplernn/data/batches.py",
        "codes[place] = gains.applied(codes[place], sound, offset - known, piece)",
        "codes[lane, lookback:] = gains.applied(codes[lane, lookback:], sound, offset, piece)",
        "tests/test_augmentation.py -k lookback",
    ),
    Mutant(
        "a gain makes a comb of codes",
        "keras_samplernn/data/gains.py",
        "places + between * widths",
        "places",
        "tests/test_augmentation.py -k comb",
    ),
    Mutant(
        "a resumed epoch has other gains",
        "keras_samplernn/data/gains.py",
        "epoch_bits(Purpose.GAINS, seed, epoch)",
        "np.random.Philox()",
        "tests/test_augmentation.py -k asks_for",
    ),
    Mutant(
        "sounds are faster and their conditions are not",
        "keras_samplernn/data/preparation.py",
        "track.resampled(len(mono)) if track",
        "track.of_length(len(mono), settings.streams) if track",
        "tests/test_augmentation.py -k faster",
    ),
    Mutant(
        "a sound has the same speed in every epoch",
        "keras_samplernn/data/speeds.py",
        "epoch_bits(Purpose.SPEEDS, seed, epoch)",
        "epoch_bits(Purpose.SPEEDS, seed, 0)",
        "tests/test_augmentation.py -k speeds",
    ),
    Mutant(
        "each block is filtered back by itself",
        "keras_samplernn/data/quantization.py",
        "self.last = float(wave[-1])",
        "pass",
        "tests/test_preemphasis.py -k cut",
    ),
    Mutant(
        "a sound is filtered back as if it continued nothing",
        "keras_samplernn/generation/player.py",
        "self._quantizer.decoder(before)",
        "self._quantizer.decoder()",
        "tests/test_preemphasis.py -k primer",
    ),
    Mutant(
        "sounds side by side are filtered back by one filter",
        "keras_samplernn/generation/files.py",
        "decoders[sound.name] = quantizer.decoder(before)",
        "decoders[sound.name] = next(iter(decoders.values()), quantizer.decoder(before))",
        "tests/test_preemphasis.py -k every_way",
    ),
    Mutant(
        "weights decay whatever the learning rate",
        "keras_samplernn/training/optimizer.py",
        'decay = variable * (optimizer.weight_decay * numbers["lr"])',
        "decay = variable * optimizer.weight_decay",
        "tests/test_training_laws.py -k decay",
    ),
    Mutant(
        "vectors of classes decay",
        "keras_samplernn/training/optimizer.py",
        " or id(each) in of_conditions",
        "",
        "tests/test_training_laws.py -k decay",
    ),
    Mutant(
        "the GRU's gradient lacks a factor",
        "plugins/gru.py",
        "to_reset = to_candidate * remembered * reset * (1 - reset)",
        "to_reset = to_candidate * remembered * reset",
        "tests/test_recurrence_laws.py",
    ),
    Mutant(
        "the gradient of a decay is taken with the state after it",
        "plugins/rg_lru.py",
        "ops.concatenate([before[None], states[:-1]])",
        "states",
        "tests/test_frame_ssm.py -k gradient",
    ),
    Mutant(
        "a state may keep all for ever",
        "plugins/rg_lru.py",
        "ops.softplus(rates) + LEAST_RATE)",
        "ops.softplus(rates) + 0 * LEAST_RATE)",
        "tests/test_frame_ssm.py -k 'forget or finite'",
    ),
    Mutant(
        "what a state takes in does not depend on what it keeps",
        "plugins/rg_lru.py",
        "ops.exp(log_decay), scale * ",
        "ops.exp(log_decay), ",
        "tests/test_frame_ssm.py -k forget",
    ),
    Mutant(
        "decays are rounded to half precision",
        "plugins/rg_lru.py",
        '(ops.cast(x, "float32") for x in',
        "(x for x in",
        "tests/test_frame_ssm.py -k half",
    ),
    Mutant(
        "a diagonal recurrence begins each window anew",
        "plugins/ssm_block.py",
        'ops.cast(before, "float32"))',
        '0 * ops.cast(before, "float32"))',
        "tests/test_model_laws.py -k 'split_in_two and SSM'",
    ),
    Mutant(
        "time constants in steps whatever the frame",
        "plugins/frame_ssm.py",
        "SLOWEST_SAMPLES / frame_size",
        "SLOWEST_SAMPLES / 16",
        "tests/test_initial_values.py -k diagonal",
    ),
    Mutant(
        "weight norm by row",
        "keras_samplernn/model/linear.py",
        "return direction * factor, gradient",
        "return direction * ops.mean(factor), gradient",
        "tests/test_gradients.py",
    ),
    Mutant(
        "Keras' epsilon instead of the original's",
        "keras_samplernn/training/optimizer.py",
        "EPSILON = 1e-8",
        "EPSILON = 1e-7",
        "tests/test_training_laws.py -k epsilon",
    ),
    # Lowered forms.
    Mutant(
        "a subclass that overrides step is lowered all the same",
        "keras_samplernn/model/lowering.py",
        'if defined & {"step", "sequence", "prepare"}:',
        "if not defined:",
        "tests/test_lowering.py",
    ),
    Mutant(
        "int8 without its scales",
        "keras_samplernn/model/narrow.py",
        "return total * matrix.scales",
        "return total * matrix.scales[0]",
        "tests/test_narrow.py",
    ),
    # Drawing.
    Mutant(
        "a uniform on the edge of a code draws the code below",
        "keras_samplernn/generation/sampling.py",
        "cumulative <= uniforms",
        "cumulative < uniforms",
        "tests/test_sampling.py",
    ),
    Mutant(
        "the seed is not heeded",
        "keras_samplernn/generation/sampling.py",
        'f"{seed}\\0{stem}"',
        'f"{stem}"',
        "tests/test_sampling.py",
    ),
    Mutant(
        "a primer is padded on the right",
        ENGINE,
        "codes = np.pad(codes, (padding, 0), constant_values",
        "codes = np.pad(codes, (0, padding), constant_values",
        "tests/test_generation_laws.py -k primed",
    ),
    Mutant(
        "a second user of a model gets the first one's weights",
        "keras_samplernn/generation/player.py",
        "            weights = engine.weights()\n",
        "            weights = self._kept = getattr(self, '_kept', None) or engine.weights()\n",
        "tests/test_api.py",
    ),
    # Quantizers and plans.
    Mutant(
        "mu-law codes are moved by a half",
        "keras_samplernn/data/quantization.py",
        "/ 2 * (self.q_levels - 1) + 0.5",
        "/ 2 * (self.q_levels - 1) + 1.0",
        "tests/test_quantization.py",
    ),
    Mutant(
        "linear codes have no last level",
        "keras_samplernn/data/quantization.py",
        "np.minimum(np.floor(self.place(wave)), self.q_levels - 1)",
        "np.minimum(np.floor(self.place(wave)), self.q_levels - 2)",
        "tests/test_quantization.py",
    ),
    Mutant(
        "every epoch has the same order",
        "keras_samplernn/data/plan.py",
        "epoch_bits(Purpose.ORDER, seed, epoch)",
        "epoch_bits(Purpose.ORDER, seed, 0)",
        "tests/test_batches.py",
    ),
    Mutant(
        "what is shorter than a window is dropped",
        "keras_samplernn/data/plan.py",
        "return -(-samples // seq_len)",
        "return np.maximum(samples // seq_len, 1)",
        "tests/test_batches.py",
    ),
    # Files.
    Mutant(
        "a file has its name before it is on the disk",
        "keras_samplernn/files.py",
        "        os.fsync(stream.fileno())\n        stream.close()\n        hidden.replace(path)\n",
        "        stream.close()\n        hidden.replace(path)\n",
        "tests/test_files.py tests/test_faults.py",
    ),
    Mutant(
        "a folder has its name before its files are on the disk",
        "keras_samplernn/files.py",
        "                for name in files:\n                    _sync(Path(folder, name))\n",
        "",
        "tests/test_files.py tests/test_faults.py",
    ),
    Mutant(
        "arrays of a checkpoint in another order",
        "keras_samplernn/checkpoints/arrays.py",
        "for number, tensor in enumerate(tensors):",
        "for number, tensor in enumerate(reversed(list(tensors))):",
        "tests/test_training_laws.py -k brings_back",
    ),
    Mutant(
        "a damaged checkpoint is loaded",
        "keras_samplernn/checkpoints/checkpoint.py",
        "hashlib.sha256(content).hexdigest()}:",
        'said["sha256"]}:',
        "tests/test_damage.py",
    ),
    Mutant(
        "the best checkpoint is deleted",
        "keras_samplernn/checkpoints/shelf.py",
        "if not (checkpoint.validated and checkpoint.step in best_steps):",
        "if True:",
        "tests/test_training_laws.py -k newest_and_the_best",
    ),
    Mutant(
        "a fit that goes on does a step twice",
        "keras_samplernn/training/session.py",
        "self.trainer.batches(plan, first_step)",
        "self.trainer.batches(plan, max(first_step - 1, 0))",
        "tests/test_commands.py -k halves",
    ),
    Mutant(
        "dropout begins anew where a fit goes on",
        "keras_samplernn/training/trainer.py",
        "self.others = [*self._random_states, *self",
        "self.others = [*self",
        "tests/test_training_laws.py -k brings_back",
    ),
    Mutant(
        "a loss that is not finite is trained on",
        "keras_samplernn/training/bookkeeping.py",
        "if not math.isfinite(value):",
        "if value is None:",
        "tests/test_commands.py -k finite",
    ),
    Mutant(
        "a signal ends the training without a checkpoint",
        "keras_samplernn/training/session.py",
        "        if self._agreement.signal_number:\n            self._save()\n",
        "        if self._agreement.signal_number:\n",
        "tests/test_signals.py -k signal_in_any_step",
    ),
    Mutant(
        "two fits train one run",
        "keras_samplernn/run_folder.py",
        "fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "stream.flush()",
        "tests/test_generate_errors.py tests/test_fit_errors.py -k another_fit",
    ),
    # Passing models on.
    Mutant(
        "a bundle's directory is believed",
        "keras_samplernn/bundles/archive.py",
        "or tail != _tail(table) or",
        "or",
        "tests/test_hostile_bundles.py -k zip_file",
    ),
    Mutant(
        "what stands before a member of a bundle is believed",
        "keras_samplernn/bundles/archive.py",
        "if self._at(offset, len(local)) != local:",
        "if False:",
        "tests/test_hostile_bundles.py -k zip_file",
    ),
    Mutant(
        "names of members that differ by case are taken for two",
        "keras_samplernn/bundles/archive.py",
        "len({name.casefold() for name in names})",
        "len({*names})",
        "tests/test_hostile_bundles.py -k case",
    ),
    Mutant(
        "a link in a bundle is taken for a file",
        "keras_samplernn/bundles/archive.py",
        "not in (0, stat.S_IFREG)",
        "in ()",
        "tests/test_hostile_bundles.py -k link",
    ),
    Mutant(
        "a bundle's sums are not compared",
        "keras_samplernn/bundles/archive.py",
        "if zlib.crc32(content) != member.crc:",
        "if False:",
        "tests/test_hostile_bundles.py -k 'CRC or byte'",
    ),
    Mutant(
        "a changed member of a bundle is taken",
        "keras_samplernn/bundles/unbundling.py",
        "if (said.size, said.sha256) != (len(content), hashlib.sha256(content).hexdigest()):",
        "if False:",
        "tests/test_hostile_bundles.py -k 'sha256 or size'",
    ),
    Mutant(
        "any member of a bundle is taken",
        "keras_samplernn/bundles/unbundling.py",
        "if name not in MEMBERS and name not in sounds:",
        "if False:",
        "tests/test_hostile_bundles.py -k 'way_out or way or unknown'",
    ),
    Mutant(
        "a bundle's spec may name folders",
        "keras_samplernn/bundles/unbundling.py",
        "if places := names_in(json.loads(text)):",
        "if places := []:",
        "tests/test_hostile_bundles.py -k path",
    ),
    Mutant(
        "weights of a bundle may be NaN",
        "keras_samplernn/bundles/unbundling.py",
        "if not all(np.isfinite(array).all() for array in arrays):",
        "if False:",
        "tests/test_hostile_bundles.py -k numbers",
    ),
    Mutant(
        "any sound of a bundle is taken",
        "keras_samplernn/bundles/unbundling.py",
        "if not is_plain(content, spec.audio.sample_rate):",
        "if False:",
        "tests/test_hostile_bundles.py -k sound",
    ),
    Mutant(
        "a bundle's spec names the maker's folders",
        "keras_samplernn/bundles/bundling.py",
        "spec = nameless(run.spec)",
        "spec = run.spec",
        "tests/test_bundles.py",
    ),
    Mutant(
        "a bundle has all that environment.json says",
        "keras_samplernn/bundles/facts.py",
        "{name: found[name] for name in VERSIONS if name in found}",
        "found",
        "tests/test_bundles.py",
    ),
    Mutant(
        "a bundle tells in which folder its parent lay",
        "keras_samplernn/bundles/facts.py",
        'Parent.model_validate(origin.model_dump(exclude={"run"}))',
        "Parent.model_construct(**origin.model_dump())",
        "tests/test_bundles.py",
    ),
    Mutant(
        "a text of a bundle may name the run",
        "keras_samplernn/bundles/nameless.py",
        'for place in sorted(places - {"/"}):',
        "for place in ():",
        "tests/test_bundles.py -k names_the_run",
    ),
    Mutant(
        "a bundle's members have no fixed order",
        "keras_samplernn/bundles/archive.py",
        "for name in sorted(members)]",
        "for name in members]",
        "tests/test_bundles.py",
    ),
    Mutant(
        "the card has the figures of another step",
        "keras_samplernn/bundles/figures.py",
        'if row["step"] == state.step',
        'if row["step"] != state.step',
        "tests/test_bundles.py -k card",
    ),
    Mutant(
        "a bundle has the average for the raw weights",
        "keras_samplernn/bundles/bundling.py",
        "if raw_weights else Checkpoint.load_weights",
        "if False else Checkpoint.load_weights",
        "tests/test_ema.py -k bundle",
    ),
    # What users' files are held to.
    Mutant(
        "a WAV that is cut short is read without a word",
        "keras_samplernn/data/headers/samples.py",
        "    elif stated > length:\n",
        "    elif stated > length + 10**9:\n",
        "tests/test_users_sounds.py",
    ),
    Mutant(
        "a blank line in a csv is passed over",
        "keras_samplernn/conditions/readers/rows.py",
        "if len(numbers) != lines or",
        "if",
        "tests/test_conditioning.py tests/test_corpus_errors.py",
    ),
    Mutant(
        "two sounds of an index have one name",
        "keras_samplernn/data/index.py",
        "            if other == number:\n",
        "            if other:\n",
        "tests/test_index.py",
    ),
    Mutant(
        "generation.json is written anew for each wav",
        "keras_samplernn/generation/record.py",
        "            os.fsync(self._stream.fileno())\n",
        "            os.fsync(self._stream.fileno())\n            self._merge()\n",
        "tests/test_generate.py",
    ),
    Mutant(
        "clearing the cache removes what another process prepares",
        "keras_samplernn/data/cache.py",
        "        if alone:\n",
        "        if True:\n",
        "tests/test_corpus.py -k 'clear or cache'",
    ),
    Mutant(
        "a frame size that does not divide is taken",
        "keras_samplernn/spec/tiers.py",
        "if above % size or above == size:",
        "if above <= size:",
        "tests/test_spec_errors.py tests/test_spec_tiers.py -k 'divide or wrong'",
    ),
    Mutant(
        "a class out of range is taken",
        "keras_samplernn/conditions/readers/values.py",
        "        if figure >= self.count:\n",
        "        if figure > self.count:\n",
        "tests/test_conditioning.py tests/test_corpus_errors.py",
    ),
    # What is heard.
    Mutant(
        "the noise of a sample depends on where its window begins",
        "keras_samplernn/data/draws.py",
        "counter=[begin, sound, epoch, 0]",
        "counter=[0, sound, epoch, 0]",
        "tests/test_input_noise.py",
    ),
    Mutant(
        "the noise is predicted too",
        "keras_samplernn/training/step.py",
        'targets = batch["codes"][:',
        "targets = heard[:",
        "tests/test_input_noise.py",
    ),
    Mutant(
        "what the model drew itself is predicted too",
        "keras_samplernn/training/step.py",
        'targets = batch["codes"][:',
        "targets = heard[:",
        "tests/test_own_continuations.py -k hears_itself",
    ),
    Mutant(
        "own samples are drawn a position late",
        "keras_samplernn/training/continuing.py",
        "ops.minimum(starts + number, samples - 1)",
        "ops.minimum(starts + number + 1, samples - 1)",
        "tests/test_own_continuations.py -k loop_over",
    ),
    Mutant(
        "each pass goes back to the recording",
        "keras_samplernn/training/continuing.py",
        "own, heard[:, lookback:])",
        'own, batch["codes"][:, lookback:])',
        "tests/test_own_continuations.py -k history",
    ),
    Mutant(
        "own samples are drawn with dropout",
        "keras_samplernn/training/continuing.py",
        "training=False",
        "training=True",
        "tests/test_own_continuations.py -k loop_over",
    ),
    Mutant(
        "the model continues a sound past its end",
        "keras_samplernn/training/continuing.py",
        "exists & (age == number)",
        "age == number",
        "tests/test_own_continuations.py -k loop_over",
    ),
    Mutant(
        "each window draws with the same uniforms",
        "keras_samplernn/data/continuations.py",
        "first * self.parts, ",
        "0, ",
        "tests/test_own_continuations.py -k wherever",
    ),
    Mutant(
        "each epoch draws with the same uniforms",
        "keras_samplernn/data/continuations.py",
        "sound_bits(Purpose.OWN_SAMPLES, self.seed, self.epoch, ",
        "sound_bits(Purpose.OWN_SAMPLES, self.seed, 0, ",
        "tests/test_own_continuations.py -k others_are_drawn",
    ),
    Mutant(
        "continuations begin at the same places of a frame",
        "keras_samplernn/data/continuations.py",
        "* (length / share)",
        "* 0.0",
        "tests/test_own_continuations.py -k as_many",
    ),
    Mutant(
        "the weights begin with their average where a fit goes on",
        "keras_samplernn/training/trainer.py",
        "self.others += model.weights",
        "self.others += []",
        "tests/test_ema.py",
    ),
    Mutant(
        "a listener is asked about cross-fades",
        "keras_samplernn/listening/excerpts.py",
        "(spans.values != NONE) & ~spans.moves & (ends",
        "(spans.values != NONE) & (ends",
        "tests/test_listening.py",
    ),
    # Memory.
    Mutant(
        "takes are counted as if they were scored under what is asked for alone",
        "keras_samplernn/generation/choosing.py",
        "self.takes * (1 if self.contrast is None else self.contrast.rows)",
        "self.takes",
        "tests/test_memory.py",
    ),
    Mutant(
        "what a head makes is not counted",
        "keras_samplernn/model/memory.py",
        "return passed + samples * model.head.numbers_per_sample",
        "return passed",
        "tests/test_memory.py",
    ),
    # Several devices and workers.
    Mutant(
        "the loss is the mean of a worker's own targets",
        "keras_samplernn/training/step.py",
        'samples = self.total(ops.sum(batch["valid"]))',
        'samples = ops.sum(batch["valid"])',
        "tests/test_replicas.py -k workers_train_and",
    ),
    Mutant(
        "gradients are not added up over replicas",
        "keras_samplernn/training/step.py",
        "*gradients, bits = self.total([*gradients, bits])",
        "*gradients, bits = [*gradients, self.total(bits)]",
        "tests/test_replicas.py -k workers_train_and",
    ),
    Mutant(
        "a worker saves its own lanes for all",
        "keras_samplernn/distribution/replicas.py",
        "whole[self.lanes_here(rows)] = ",
        "whole[: len(mine)] = ",
        "tests/test_replicas.py -k workers_train_and",
    ),
    Mutant(
        "workers stop alone",
        "keras_samplernn/distribution/agreement.py",
        "return self._signal() if self.replicas.workers == 1 else self._agreed",
        "return self._signal()",
        "tests/test_replicas.py -k signal_to_one",
    ),
    # Everything switched on.
    Mutant(
        "everything on: the states of dropout are not kept",
        "keras_samplernn/training/trainer.py",
        "self.others = [*self._random_states, *self",
        "self.others = [*self",
        "tests/test_everything_on.py -k stopped",
    ),
    Mutant(
        "everything on: rows of the base keep the numbers that are asked for",
        "keras_samplernn/generation/contrast.py",
        "(base.numbers, 0), ",
        "",
        "tests/test_everything_on.py -k contrast",
    ),
    Mutant(
        "everything on: the random numbers of a take depend on its row",
        "keras_samplernn/generation/candidates.py",
        "engine.parts_of_a_code, take) for",
        "engine.parts_of_a_code, take + number) for",
        "tests/test_everything_on.py -k alone",
    ),
    Mutant(
        "everything on: the fine code is drawn as if the coarse one were the first",
        "plugins/coarse_fine.py",
        "fine = choose(self._fine_logits(outputs[:, COARSE:], coarse, prepared), 1)",
        "fine = choose(self._fine_logits(outputs[:, COARSE:], 0 * coarse, prepared), 1)",
        "tests/test_everything_on.py -k training_forward",
    ),
    Mutant(
        "everything on: weights are validated before they are averaged",
        "keras_samplernn/training/session.py",
        "Evaluator(self.trainer.result, silence",
        "Evaluator(self.trainer.model, silence",
        "tests/test_everything_on.py -k validation",
    ),
    Mutant(
        "everything on: a block of a stream begins as if the sample before were 0",
        "keras_samplernn/generation/player.py",
        "yield as_read_back(decoder(codes))",
        "yield as_read_back(self._quantizer.decoder(before)(codes))",
        "tests/test_everything_on.py -k at_once",
    ),
    # On a GPU.
    Mutant(
        "cuDNN gets a GRU's gates in Keras' order",
        "keras_samplernn/cudnn.py",
        '"gru": (1, 0, 2)',
        '"gru": (0, 1, 2)',
        "tests/test_cudnn.py",
    ),
    Mutant(
        "norms are products on a GPU too",
        "keras_samplernn/model/linear.py",
        "if not cpu_alone():",
        "if False:",
        "tests/test_gpu_kernels.py",
    ),
    Mutant(
        "a device is chosen after TensorFlow has started all",
        "keras_samplernn/quiet.py",
        "        choose_devices(device)\n",
        "",
        "tests/test_devices.py",
    ),
    Mutant(
        "operations are always deterministic",
        "keras_samplernn/training/determinism.py",
        "if cpu_alone() if deterministic is None else deterministic:",
        "if True:",
        "tests/test_devices.py",
    ),
)


def copy_checkout(target: Path) -> None:
    """Copy what git knows of the checkout, the plugins where the package is looked for."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    for name in filter(None, map(os.fsdecode, names.split(b"\0"))):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((PROJECT / name).read_bytes())
    # Before the editable install, which knows this checkout only.
    (target / "keras_samplernn/plugins").symlink_to("../plugins")


def passes(checkout: Path, tests: str) -> bool:
    """Run tests in a checkout until the first one fails; files that do not exist are left out."""
    chosen = subprocess.run(
        ["xargs", "-n1"], input=tests, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    chosen = [each for each in chosen if not each.endswith(".py") or (checkout / each).is_file()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n0", *chosen]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{tests}: pytest ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.returncode == 0


def main(words: str) -> None:
    """Try every fault; exit with 1 if one of them turns no test red."""
    chosen = [mutant for mutant in MUTANTS if words in mutant.name]
    unseen = []
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder)
        copy_checkout(checkout)
        for number, mutant in enumerate(chosen, 1):
            path, began = checkout / mutant.path, time.monotonic()
            text = path.read_text()
            if text.count(mutant.old) != 1:
                sys.exit(f"{mutant.name}: {mutant.path} has {text.count(mutant.old)} times: {mutant.old}")
            path.write_text(text.replace(mutant.old, mutant.new))
            seen = not passes(checkout, mutant.tests)
            path.write_text(text)
            print(
                f"{number}/{len(chosen)}  {'red' if seen else 'NOT SEEN':8}  {time.monotonic() - began:3.0f} s "
                f" {mutant.name}",
                flush=True,
            )
            unseen += [] if seen else [mutant.name]
        for tests in dict.fromkeys(mutant.tests for mutant in chosen):
            if not passes(checkout, tests):
                sys.exit(f"{tests}: fails without any fault")
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} faults turn a test red")
    if unseen:
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="?", default="")
    main(parser.parse_args().words)
