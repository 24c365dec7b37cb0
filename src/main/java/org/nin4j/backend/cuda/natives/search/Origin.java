package org.nin4j.backend.cuda.natives.search;

/** Where a folder with CUDA libraries was learned of, in the order of search. */
public enum Origin {
  /** {@code --cuda-libs} or {@code NIN4J_CUDA_LIBS}. */
  SETTING("set by --cuda-libs or NIN4J_CUDA_LIBS"),
  /** {@code LD_LIBRARY_PATH}. */
  LIBRARY_PATH("LD_LIBRARY_PATH"),
  /** {@code /etc/ld.so.cache}. */
  LINKER_CACHE("linker cache"),
  /** An installed CUDA toolkit. */
  TOOLKIT("CUDA toolkit"),
  /** The distribution's library folders. */
  DISTRIBUTION("system folder"),
  /** The wheels of a Python environment. */
  PYTHON("Python environment"),
  /** A conda environment. */
  CONDA("conda environment"),
  /** The redistributable libraries from Maven, as unpacked by JavaCPP or by NiN4J. */
  MAVEN("Maven redistributable");

  private final String text;

  Origin(String text) {
    this.text = text;
  }

  /** In words, for a report. */
  public String text() {
    return text;
  }
}
