package org.nin4j.backend.cuda.natives.search;

/** JCuda could not be brought up; the problem says why and what would mend it. */
public final class NativesException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  /** With the problem's message and remedy as this exception's message, in one line. */
  public NativesException(Problem problem) {
    super(problem.message() + "; to mend it: " + problem.remedy());
    this.problem = problem;
  }

  /** What is wrong. */
  public Problem problem() {
    return problem;
  }
}
