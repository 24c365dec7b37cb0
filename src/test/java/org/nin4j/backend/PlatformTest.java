package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathExpressionException;
import javax.xml.xpath.XPathFactory;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.text.Text;
import org.w3c.dom.Document;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** Which natives the build takes on a machine, and which the program looks for there. */
class PlatformTest {
  private static final XPath XPATH = XPathFactory.newInstance().newXPath();

  private static Document pom;

  @BeforeAll
  static void read() throws ParserConfigurationException, IOException, SAXException {
    pom =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(Path.of("pom.xml").toFile());
  }

  private static String text(Object from, String path) throws XPathExpressionException {
    return XPATH.evaluate(path, from);
  }

  private static List<Node> nodes(Object from, String path) throws XPathExpressionException {
    NodeList found = (NodeList) XPATH.evaluate(path, from, XPathConstants.NODESET);
    List<Node> nodes = new ArrayList<>();
    for (int i = 0; i < found.getLength(); i++) {
      nodes.add(found.item(i));
    }
    return nodes;
  }

  /** As Maven does (org.codehaus.plexus.util.Os), which compares lower-case names and families. */
  private static boolean isActive(Node profile, Platform on) throws XPathExpressionException {
    String system = on.system().toLowerCase(Locale.ROOT);
    String name = text(profile, "activation/os/name");
    boolean family =
        switch (text(profile, "activation/os/family")) {
          case "" -> true;
          case "mac" -> system.contains("mac");
          case "windows" -> system.contains("windows");
          default -> throw new AssertionError("a family that this test does not know");
        };
    String arch = text(profile, "activation/os/arch");
    return !arch.isEmpty()
        && arch.equals(on.processor())
        && family
        && (name.isEmpty() || name.equals(system));
  }

  /** The profile of the pom that Maven takes on a machine. */
  private static Optional<Node> profile(Platform on) throws XPathExpressionException {
    List<Node> active = new ArrayList<>();
    for (Node profile : nodes(pom, "/project/profiles/profile[activation]")) {
      if (isActive(profile, on)) {
        active.add(profile);
      }
    }
    assertTrue(active.size() <= 1, "more than one profile for " + on);
    return active.stream().findFirst();
  }

  @ParameterizedTest
  @CsvSource({
    "Linux, amd64, linux-x86_64",
    "Linux, aarch64, linux-arm64",
    "Mac OS X, aarch64, macosx-arm64",
    "Mac OS X, x86_64, macosx-x86_64",
    "Windows 11, amd64, windows-x86_64",
    "Windows Server 2025, amd64, windows-x86_64"
  })
  void theBuildTakesTheNativesThatTheProgramLooksFor(
      String system, String processor, String expected) throws XPathExpressionException {
    Platform platform = new Platform(system, processor);
    assertEquals(expected, platform.name());
    assertTrue(platform.hasOneDnn());
    Node profile = profile(platform).orElseThrow();
    assertEquals(expected, text(profile, "id"));
    String property = text(profile, "properties/javacpp.platform");
    assertEquals(
        expected,
        property.isEmpty() ? text(pom, "/project/properties/javacpp.platform") : property);
    List<Node> cuda = nodes(profile, "dependencies/dependency[contains(artifactId, '-natives')]");
    assertEquals(platform.hasCuda() ? 3 : 0, cuda.size());
  }

  @Test
  void everyPlatformHasItsProfileAndNoneElse() throws XPathExpressionException {
    List<String> profiles = new ArrayList<>();
    for (Node id : nodes(pom, "/project/profiles/profile[activation]/id")) {
      profiles.add(id.getTextContent());
    }
    assertEquals(Platform.WITH_ONEDNN, profiles);
  }

  /** Each has one that the property chooses, and none that this machine chooses. */
  @Test
  void allNativesAreOfThePlatformChosen() throws XPathExpressionException {
    for (String library : List.of("javacpp", "dnnl", "opencl")) {
      String classifiers =
          Text.of("/project/dependencies/dependency[artifactId='%s']/classifier", library);
      List<Node> found = nodes(pom, classifiers);
      assertEquals(1, found.size(), library);
      assertEquals("${javacpp.platform}", found.get(0).getTextContent());
    }
    for (String library : List.of("jcuda", "jcublas", "jcudnn")) {
      assertEquals(
          library + "-natives",
          text(
              pom,
              Text.of(
                  "/project/dependencies/dependency[artifactId='%s']/exclusions/exclusion/artifactId",
                  library)));
    }
  }

  @ParameterizedTest
  @CsvSource({"FreeBSD, amd64", "Linux, riscv64", "Windows 11, aarch64", "Linux, arm"})
  void othersHaveNoOneDnnAndKeepThePlainLoops(String system, String processor)
      throws XPathExpressionException {
    Platform platform = new Platform(system, processor);
    assertFalse(platform.hasOneDnn());
    assertFalse(platform.hasCuda());
    assertTrue(profile(platform).isEmpty());
    assertEquals(system + " on " + processor, platform.toString());
  }

  @Test
  void thisMachineIsNamedAsJavaCppNamesIt() {
    assertEquals(Loader.getPlatform(), Platform.ofThisMachine().name());
  }

  @Test
  void windowsIsWindows() {
    assertTrue(new Platform("Windows 10", "amd64").isWindows());
    assertFalse(new Platform("Darwin", "x86_64").isWindows());
  }
}
