package org.nin4j.backend.cuda.natives;

import org.nin4j.backend.cuda.natives.search.Version;

/**
 * The versions that the loaded libraries give when asked.
 *
 * @param nvrtc major and minor version of NVRTC
 * @param cublas version of cuBLAS
 * @param cudnn version of cuDNN
 */
public record LibraryVersions(Version nvrtc, Version cublas, Version cudnn) {}
