/** Prints what Spark starts Java with. */
final class Flags {
  private Flags() {}

  public static void main(String[] none) {
    System.out.println(org.apache.spark.launcher.JavaModuleOptions.defaultModuleOptions());
  }
}
