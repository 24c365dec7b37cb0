package org.nin4j.kit;

import java.util.List;
import java.util.function.Function;

/**
 * One proof or measurement, run in a process of its own: a GPU that is left in disorder by one does
 * not spoil the next.
 *
 * @param name in options and file names
 * @param title what it proves or measures
 * @param seconds after which it is ended
 * @param least seconds below which there is no use in beginning
 * @param timed whether it measures time, and so runs alone
 * @param figures what it consists of, by worth
 */
record Part(
    String name,
    String title,
    int seconds,
    int least,
    boolean timed,
    Function<Room, List<Figure>> figures) {

  /** By worth, which is the order in which they run; no part needs another but the first. */
  static final List<Part> ALL =
      List.of(
          new Part("doctor", "the GPU can be used", 120, 5, true, DoctorPart::figures),
          new Part("bench", "how fast, with how much memory", 240, 30, true, BenchPart::figures),
          new Part("peer", "PyTorch beside it", 200, 40, true, PeerPart::figures),
          new Part(
              "steps",
              "every step kind gives what the reference gives",
              120,
              20,
              false,
              StepsPart::figures),
          new Part("train", "training on 224×224 images learns", 140, 30, true, TrainPart::figures),
          new Part(
              "graph",
              "graph and single steps give the same bits",
              90,
              20,
              false,
              GraphPart::figures),
          new Part(
              "recorded",
              "training steps as libtorch takes them",
              40,
              10,
              false,
              RecordedPart::figures),
          new Part(
              "sanitizer", "no wrong access, no race", 400, 60, false, SanitizerPart::figures));

  /** What the sanitizer watches: not in the list, since without it this proves nothing new. */
  static final Part SAMPLE =
      new Part("sample", "one case of each step kind", 600, 0, false, SanitizerPart::sample);
}
