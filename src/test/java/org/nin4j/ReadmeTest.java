package org.nin4j;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the README says of the build is what the build says. */
class ReadmeTest {
  @Test
  void theDependencyIsThisVersion() throws IOException {
    String pom = Files.readString(Path.of("pom.xml"));
    Matcher own =
        Pattern.compile("<artifactId>nin4j</artifactId>\\s*<version>.*?</version>").matcher(pom);
    assertTrue(own.find(), "pom.xml");
    String readme = Files.readString(Path.of("README.md")).replaceAll("\\s+", "");
    String dependency = own.group().replaceAll("\\s+", "");
    assertTrue(
        readme.contains("<dependency><groupId>org.nin4j</groupId>" + dependency), dependency);
  }
}
