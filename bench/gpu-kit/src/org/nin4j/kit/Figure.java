package org.nin4j.kit;

/**
 * One thing that a part measures or proves. What goes wrong with it is the end of it alone: the
 * part goes on with the next in a fresh process.
 *
 * @param name tells it from the others of its part
 * @param work does it and says what it found
 */
record Figure(String name, Work work) {
  /** The work of a figure; whatever it throws is what the figure came to. */
  @FunctionalInterface
  interface Work {
    void run(Room room, Findings findings) throws Exception;
  }
}
