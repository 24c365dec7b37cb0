package org.nin4j.model;

/** A layer that computes: a node of the network's graph. */
public sealed interface Operation extends Layer permits Leaf, Branches {

  /** Calls the visitor's method for this kind. */
  <R> R accept(OperationVisitor<R> visitor);

  /** The kind in one lower-case word, for tables, errors and files, such as {@code conv}. */
  String kind();
}
