package org.nin4j.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StudyJsonTest {
  private static final String WHOLE =
      """
      {"name": "mine", "question": "What helps?",
       "base": {"recipe": "d2l", "lr": 0.10, "weight-decay": 1e-4, "mean": [0.5, 0.25]},
       "variants": {"as-is": {}, "flipped": {"flip": true}, "not": {"flip": false}},
       "seeds": [3, -1],
       "quick": {"limit": 100},
       "published": [{"variant": "as-is", "test_accuracy": 0.877, "source": "MXNet"},
                     {"variant": "as-is", "test_accuracy": 0.79, "source": "PyTorch"}]}
      """;

  @Test
  void aStudyIsRead() {
    Study study = StudyJson.parse(WHOLE);
    assertEquals("mine", study.name());
    assertEquals("What helps?", study.question());
    assertEquals(
        "recipe d2l, lr 0.10, weight-decay 0.0001, mean 0.5,0.25", study.base().toString());
    assertEquals(
        List.of("as-is", "flipped", "not"),
        study.variants().stream().map(Study.Variant::name).toList());
    assertEquals(List.of(3L, -1L), study.seeds());
    assertEquals(6, study.runs());
    assertEquals(
        "0.877 (MXNet), 0.79 (PyTorch)", Study.published(study.variants().get(0)).orElseThrow());
    assertEquals(
        List.of(
            "--recipe",
            "d2l",
            "--lr",
            "0.10",
            "--weight-decay",
            "0.0001",
            "--mean",
            "0.5,0.25",
            "--limit",
            "100",
            "--no-flip"),
        study.settings(study.variants().get(2), true).arguments());
    assertEquals("--flip", study.settings(study.variants().get(1), false).arguments().get(8));
  }

  @Test
  void aVariantsOwnChangeStaysInTheQuickForm() {
    Study study =
        StudyJson.parse(
            """
            {"name": "s", "question": "q", "base": {"size": 224, "lr": 0.1},
             "variants": {"small": {"size": 28}}, "quick": {"size": 67, "lr": 0.2}}
            """);
    assertEquals(
        Map.of("size", "28", "lr", "0.2"), study.settings(study.variants().get(0), true).words());
  }

  @Test
  void seedsAreThreeUnlessTheStudySaysSo() {
    Study study =
        StudyJson.parse("{\"name\": \"s\", \"question\": \"q\", \"variants\": {\"a\": {}}}");
    assertEquals(List.of(1L, 2L, 3L), study.seeds());
    assertEquals(List.of(1L, 2L), study.withSeeds(2).seeds());
    assertEquals(List.of(3L, -1L, 4L, 5L), StudyJson.parse(WHOLE).withSeeds(4).seeds());
    assertThrows(StudyException.class, () -> study.withSeeds(0));
    assertThrows(StudyException.class, () -> study.withSeeds(1001));
  }

  private static Arguments bad(String message, String json) {
    return Arguments.of(message, json);
  }

  static Stream<Arguments> badStudies() {
    String start = "{\"name\": \"s\", \"question\": \"q\", ";
    return Stream.of(
        bad("the study is no JSON at line 1 column 1", ""),
        bad("the study is no JSON at line 1 column 13", "{\"name\": \"s\""),
        bad("the study is no JSON at line 1 column 3", "{'name': 1}"),
        bad("the study is no JSON at line 1 column 5", "{} {}"),
        bad("the study is an object, not []", "[]"),
        bad("the study has no 'variants'", start + "\"seeds\": [1]}"),
        bad("the study has no 'name'", "{\"question\": \"q\", \"variants\": {\"a\": {}}}"),
        bad("the study, name is a text, not 3", "{\"name\": 3, \"variants\": {\"a\": {}}}"),
        bad(
            "the study has an unknown key 'varaints'; there are name, question, base, variants,"
                + " seeds, quick, published",
            start + "\"varaints\": {}}"),
        bad("the study has \"name\" twice", "{\"name\": \"a\", \"name\": \"b\"}"),
        bad(
            "the study has \"a\" twice in variants",
            start + "\"variants\": {\"a\": {}, \"a\": {\"lr\": 1}}}"),
        bad("a study has at least one variant and one seed", start + "\"variants\": {}}"),
        bad(
            "a study has at least one variant and one seed",
            start + "\"variants\": {\"a\": {}}, \"seeds\": []}"),
        bad(
            "variant 'a' and seed 1 are there twice",
            start + "\"variants\": {\"a\": {}}, \"seeds\": [1, 1]}"),
        bad(
            "seeds are whole numbers, not 1.5",
            start + "\"variants\": {\"a\": {}}, \"seeds\": [1.5]}"),
        bad("seeds is a list, not 3", start + "\"variants\": {\"a\": {}}, \"seeds\": 3}"),
        bad("a variant's name has 1 to 60 letters", start + "\"variants\": {\"../a\": {}}}"),
        bad("variant 'a' is an object, not 3", start + "\"variants\": {\"a\": 3}}"),
        bad(
            "variant 'a', lr is a text, a number, true, false or a list of these, not null",
            start + "\"variants\": {\"a\": {\"lr\": null}}}"),
        bad(
            "variant 'a', flip is 'true' in quotes",
            start + "\"variants\": {\"a\": {\"flip\": \"true\"}}}"),
        bad(
            "the study has the number 1e999999999, which is out of all bounds",
            start + "\"variants\": {\"a\": {\"lr\": 1e999999999}}}"),
        bad(
            "published names a variant 'b'; there are a",
            start
                + "\"variants\": {\"a\": {}}, \"published\": [{\"variant\": \"b\","
                + " \"test_accuracy\": 0.9, \"source\": \"x\"}]}"),
        bad(
            "an accuracy is in [0, 1], not 90.0",
            start
                + "\"variants\": {\"a\": {}}, \"published\": [{\"variant\": \"a\","
                + " \"test_accuracy\": 90, \"source\": \"x\"}]}"),
        bad(
            "published has an unknown key 'by'; there are variant, test_accuracy, source",
            start + "\"variants\": {\"a\": {}}, \"published\": [{\"by\": \"x\"}]}"));
  }

  @ParameterizedTest
  @MethodSource("badStudies")
  void whatIsWrongIsNamed(String message, String json) {
    String told = assertThrows(StudyException.class, () -> StudyJson.parse(json)).getMessage();
    assertEquals(message, told.substring(0, Math.min(message.length(), told.length())));
  }
}
