package org.nin4j.kit;

import java.util.List;

/**
 * One proof or measurement, run in a process of its own: a GPU that is left in disorder by one does
 * not spoil the next.
 *
 * @param name in options and file names
 * @param title what it proves or measures
 * @param seconds its share of the kit's nine minutes
 * @param work does it
 */
record Part(String name, String title, int seconds, Work work) {
  /** The work of a part; what it throws makes the part fail. */
  @FunctionalInterface
  interface Work {
    Outcome run(Room room) throws Exception;
  }

  /** In the order in which they run; no part needs another but the first. */
  static final List<Part> ALL =
      List.of(
          new Part("doctor", "the GPU can be used", 30, DoctorPart::run),
          new Part("steps", "every step kind gives what the reference gives", 100, StepsPart::run),
          new Part("graph", "graph and single steps give the same bits", 30, GraphPart::run),
          new Part("recorded", "training steps as libtorch takes them", 20, RecordedPart::run),
          new Part("sanitizer", "no wrong access, no race", 90, SanitizerPart::run),
          new Part("train", "training on 224×224 images learns", 140, TrainPart::run),
          new Part("bench", "how fast, with how much memory", 70, BenchPart::run),
          new Part("peer", "PyTorch beside it", 60, PeerPart::run));

  /** What the sanitizer watches: not in the list, since without it this proves nothing new. */
  static final Part SAMPLE =
      new Part("sample", "one case of each step kind", 600, SanitizerPart::sample);
}
