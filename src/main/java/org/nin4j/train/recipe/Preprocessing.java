package org.nin4j.train.recipe;

/** What is done to images, once, before batches are made of them. */
public enum Preprocessing {
  /** Nothing. */
  NONE,
  /**
   * Global contrast normalisation and whitening, fitted to the training images: see {@link
   * org.nin4j.data.whitening.Whitening}. Batches are made of whitened values then, whose scale is
   * found with it, and what is shifted in is 0.
   */
  GCN_ZCA
}
