package org.nin4j.backend.cuda.library;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINECFG_ENGINE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINECFG_KNOB_CHOICES;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_GLOBAL_INDEX;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_NUMERICAL_NOTE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_BEHAVIOR_NOTE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_KNOB_TYPE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_NUMERICAL_NOTE;
import static jcuda.jcudnn.cudnnBackendBehaviorNote.CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINE_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_TENSOR_CORE;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.nin4j.backend.cuda.device.Scope;

/**
 * One of cuDNN's engines for a graph, with the settings of its knobs, as cuDNN itself tells of it.
 *
 * @param number cuDNN's own of the engine
 * @param knobs settings, by cuDNN's number of the knob
 * @param compiles whether a plan of it compiles a kernel, in about a second
 * @param notes on its numerics
 */
public record CudnnEngine(
    long number, SortedMap<Integer, Long> knobs, boolean compiles, List<Integer> notes) {
  /** Of those that cuDNN 9.24 sets, no engine has more than eight. */
  private static final int MOST_KNOBS = 12;

  public CudnnEngine {
    knobs = new TreeMap<>(knobs);
    notes = List.copyOf(notes);
  }

  /** Reads what a configuration says; empty if the heuristics left it empty. */
  public static Optional<CudnnEngine> of(CudnnValues values, CudnnDescriptor configuration) {
    try (Scope parts = new Scope()) {
      CudnnDescriptor engine =
          parts.add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINE_DESCRIPTOR));
      if (configuration.read(CUDNN_ATTR_ENGINECFG_ENGINE, List.of(engine)) == 0) {
        return Optional.empty();
      }
      int[] behaviours = engine.choices(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE);
      int[] notes = engine.choices(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE);
      return Optional.of(
          new CudnnEngine(
              engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX),
              knobs(parts, values, configuration),
              IntStream.of(behaviours)
                  .anyMatch(note -> note == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION),
              IntStream.of(notes).boxed().toList()));
    }
  }

  private static SortedMap<Integer, Long> knobs(
      Scope parts, CudnnValues values, CudnnDescriptor configuration) {
    List<CudnnDescriptor> choices = new ArrayList<>();
    for (int i = 0; i < MOST_KNOBS; i++) {
      choices.add(parts.add(new CudnnDescriptor(values, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR)));
    }
    // How many there are cuDNN does not tell beforehand.
    int count = configuration.read(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, choices);
    SortedMap<Integer, Long> knobs = new TreeMap<>();
    for (CudnnDescriptor choice : choices.subList(0, count)) {
      knobs.put(
          choice.choice(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE),
          choice.integer(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
    }
    return knobs;
  }

  /** The same engine with other settings of some knobs. */
  public CudnnEngine with(Map<Integer, Long> others) {
    SortedMap<Integer, Long> all = new TreeMap<>(knobs);
    all.putAll(others);
    return new CudnnEngine(number, all, compiles, notes);
  }

  /**
   * A configuration of this engine so set.
   *
   * @param owner closes it
   * @param like a configuration of the same engine
   * @return empty if the engine does not take such settings
   */
  public Optional<CudnnDescriptor> configuration(
      Scope owner, CudnnValues values, CudnnDescriptor like) {
    try (Scope parts = new Scope()) {
      CudnnDescriptor engine =
          parts.add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINE_DESCRIPTOR));
      like.read(CUDNN_ATTR_ENGINECFG_ENGINE, List.of(engine));
      CudnnDescriptor[] choices =
          knobs.entrySet().stream()
              .map(
                  knob ->
                      parts
                          .add(new CudnnDescriptor(values, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR))
                          .choice(
                              CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, knob.getKey())
                          .integers(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, knob.getValue())
                          .finish())
              .toArray(CudnnDescriptor[]::new);
      CudnnDescriptor configuration =
          parts
              .add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR))
              .descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, engine)
              .descriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, choices);
      if (!configuration.finishIfSupported()) {
        return Optional.empty();
      }
      owner.add(parts.release());
      return Optional.of(configuration);
    }
  }

  /**
   * Whether it may be used: it rounds no more than its operands and its result. Tensor cores take
   * fp32 factors as TF32, whether the notes say that the inputs are converted or not.
   *
   * @param exact whether the operands are fp32 and may not be rounded to TF32
   * @param deterministic leaves out what says that its bits are not the same each time
   */
  public boolean isUsable(boolean exact, boolean deterministic) {
    return notes.stream().noneMatch(note -> isBad(note, exact, deterministic));
  }

  private static boolean isBad(int note, boolean exact, boolean deterministic) {
    return switch (note) {
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS -> exact;
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION -> true;
      case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC -> deterministic;
      default -> false;
    };
  }
}
