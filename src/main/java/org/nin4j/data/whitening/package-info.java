/**
 * Contrast normalisation and whitening of images, fitted to a training set, with the numerics that
 * takes: {@link org.nin4j.data.whitening.Whitening}.
 */
package org.nin4j.data.whitening;
