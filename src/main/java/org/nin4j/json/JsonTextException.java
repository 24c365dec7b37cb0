package org.nin4j.json;

/** Text is no JSON, or none that means one thing; the message goes on after the text's name. */
public final class JsonTextException extends Exception {
  private static final long serialVersionUID = 1L;

  JsonTextException(String message) {
    super(message);
  }
}
