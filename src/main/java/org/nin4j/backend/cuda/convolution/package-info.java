/**
 * How a convolution is computed on the GPU at hand: the candidates, their trial, the choice, its
 * calls.
 */
package org.nin4j.backend.cuda.convolution;
