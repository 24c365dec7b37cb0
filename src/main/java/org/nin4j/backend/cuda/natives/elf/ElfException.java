package org.nin4j.backend.cuda.natives.elf;

import java.io.IOException;

/** A file that is not the ELF shared library it should be; the message says in what way. */
public final class ElfException extends IOException {
  private static final long serialVersionUID = 1L;

  /** What is wrong, coarsely: it decides what would mend it. */
  public enum Kind {
    DAMAGED,
    WRONG_ARCHITECTURE
  }

  private final Kind kind;

  ElfException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  static ElfException damaged(String message) {
    return new ElfException(Kind.DAMAGED, message);
  }

  public Kind kind() {
    return kind;
  }
}
