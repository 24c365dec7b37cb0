/**
 * Trained networks to and from other programs: weights as PyTorch names them, in safetensors files,
 * and whole networks as ONNX.
 */
package org.nin4j.interop;
