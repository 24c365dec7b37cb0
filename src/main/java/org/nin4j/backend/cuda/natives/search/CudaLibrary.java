package org.nin4j.backend.cuda.natives.search;

import java.nio.file.Path;

/**
 * A CUDA library found on this machine and fit for this processor.
 *
 * @param role what it is
 * @param path the file
 * @param soname the name by which other libraries need it
 * @param version as exactly as file names and package data tell it; at least the major version
 * @param origin where its folder was learned of
 */
public record CudaLibrary(
    LibraryRole role, Path path, String soname, Version version, Origin origin) {}
