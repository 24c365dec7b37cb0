package org.nin4j.data;

/** A published data set that is neither on this machine nor to be downloaded. */
public final class DataMissingException extends DataException {

  public DataMissingException(String message) {
    super(message);
  }
}
