package org.nin4j.spark;

import org.apache.spark.launcher.JavaModuleOptions;

/** Prints what Spark starts Java with: the build puts it into a file for the tests. */
public final class JavaFlags {
  private JavaFlags() {}

  public static void main(String[] none) {
    System.out.println(JavaModuleOptions.defaultModuleOptions());
  }
}
