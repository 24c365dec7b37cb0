package org.nin4j.backend.cuda.library;

import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_BOOLEAN;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_FLOAT;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_HANDLE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_INT64;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_VOID_PTR;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnBackendDescriptor;
import jcuda.jcudnn.cudnnHandle;
import org.nin4j.backend.cuda.device.Address;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Work;

/**
 * A descriptor of cuDNN's graph API: its attributes are set, then it is finished, and from then on
 * it can be read and named by others. Types and attributes have the same numbers in cuDNN 8, whose
 * names JCudnn has, and in cuDNN 9.
 */
public final class CudnnDescriptor implements AutoCloseable {
  private static final String FINISH = "cudnnBackendFinalize";
  private static final String GET = "cudnnBackendGetAttribute";

  /** The type of text, which JCudnn has no name for. */
  private static final int TYPE_CHAR = 24;

  private static final Pointer NOWHERE = new Pointer();

  private final CudnnValues values;
  private final cudnnBackendDescriptor descriptor = new cudnnBackendDescriptor();

  /**
   * An empty one.
   *
   * @param values memory for the values of attributes
   * @param type of {@code cudnnBackendDescriptorType}
   */
  public CudnnDescriptor(CudnnValues values, int type) {
    this.values = values;
    Check.cudnn(
        JCudnn.cudnnBackendCreateDescriptor(type, descriptor), "cudnnBackendCreateDescriptor");
  }

  public CudnnDescriptor integers(int attribute, long... integers) {
    values.writeLongs(integers);
    return set(attribute, CUDNN_TYPE_INT64, integers.length);
  }

  public CudnnDescriptor number(int attribute, float number) {
    values.writeInts(Float.floatToRawIntBits(number));
    return set(attribute, CUDNN_TYPE_FLOAT, 1);
  }

  public CudnnDescriptor yes(int attribute) {
    // The first of its bytes is the truth value.
    values.writeInts(1);
    return set(attribute, CUDNN_TYPE_BOOLEAN, 1);
  }

  /** A value of one of cuDNN's enumerations. */
  public CudnnDescriptor choice(int attribute, int type, int choice) {
    values.writeInts(choice);
    return set(attribute, type, 1);
  }

  CudnnDescriptor handle(int attribute, cudnnHandle handle) {
    values.writeLongs(Address.ofHandle(handle));
    return set(attribute, CUDNN_TYPE_HANDLE, 1);
  }

  public CudnnDescriptor places(int attribute, Pointer... places) {
    values.writeLongs(Stream.of(places).mapToLong(Address::ofPlace).toArray());
    return set(attribute, CUDNN_TYPE_VOID_PTR, places.length);
  }

  public CudnnDescriptor descriptors(int attribute, CudnnDescriptor... descriptors) {
    values.writeLongs(addresses(List.of(descriptors)));
    return set(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, descriptors.length);
  }

  /** Sets text, which ends with a zero. */
  public CudnnDescriptor text(int attribute, byte[] text) {
    try (CudnnValues large = new CudnnValues(text.length)) {
      large.writeBytes(text);
      return set(attribute, TYPE_CHAR, text.length, large);
    }
  }

  private CudnnDescriptor set(int attribute, int type, long count) {
    return set(attribute, type, count, values);
  }

  private CudnnDescriptor set(int attribute, int type, long count, CudnnValues from) {
    Check.cudnn(
        JCudnn.cudnnBackendSetAttribute(descriptor, attribute, type, count, from.memory()),
        "cudnnBackendSetAttribute");
    return this;
  }

  /** Ends the setting of attributes. */
  public CudnnDescriptor finish() {
    Check.cudnn(JCudnn.cudnnBackendFinalize(descriptor), FINISH);
    return this;
  }

  /**
   * Like {@link #finish}, where cuDNN may say that it does not support what is described, or fail
   * to compile it.
   *
   * @return whether it is finished
   */
  public boolean finishIfSupported() {
    int status = JCudnn.cudnnBackendFinalize(descriptor);
    if (Check.cudnnDeclines(status) || Check.cudnnFailsWithin(status)) {
      return false;
    }
    Check.cudnn(status, FINISH);
    return true;
  }

  public long integer(int attribute) {
    get(attribute, CUDNN_TYPE_INT64, 1, values);
    return values.readLongs(1)[0];
  }

  /** The one value of an attribute that is of an enumeration. */
  public int choice(int attribute, int type) {
    get(attribute, type, 1, values);
    return values.readInts(1)[0];
  }

  /** All values of an attribute that is a list of values of an enumeration. */
  public int[] choices(int attribute, int type) {
    return values.readInts(get(attribute, type, values.room(Integer.BYTES), values));
  }

  /**
   * Makes empty descriptors what the first values of the attribute are.
   *
   * @return how many it made so; the others are as empty as before, and reading them fails
   */
  public int read(int attribute, List<CudnnDescriptor> targets) {
    values.writeLongs(addresses(targets));
    return get(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, targets.size(), values);
  }

  /** The text that an attribute is, with its zero; empty if cuDNN declines to tell it. */
  public Optional<byte[]> text(int attribute) {
    long[] count = new long[1];
    // With a place for the text, if only for 0 bytes of it, the answer would be 0.
    int status =
        JCudnn.cudnnBackendGetAttribute(descriptor, attribute, TYPE_CHAR, 0, count, NOWHERE);
    if (Check.cudnnDeclines(status)) {
      return Optional.empty();
    }
    Check.cudnn(status, GET);
    int length = Math.toIntExact(count[0]);
    try (CudnnValues large = new CudnnValues(Math.max(length, 1))) {
      return Optional.of(large.readBytes(get(attribute, TYPE_CHAR, length, large)));
    }
  }

  /** Reads at most n values; returns how many there were. */
  private int get(int attribute, int type, long wanted, CudnnValues to) {
    long[] count = new long[1];
    Check.cudnn(
        JCudnn.cudnnBackendGetAttribute(descriptor, attribute, type, wanted, count, to.memory()),
        GET);
    return Math.toIntExact(Math.min(count[0], wanted));
  }

  private static long[] addresses(List<CudnnDescriptor> descriptors) {
    return descriptors.stream().mapToLong(d -> Address.ofHandle(d.descriptor)).toArray();
  }

  /**
   * Runs this plan on the tensors of a variant pack.
   *
   * @param cudnn the handle of the stream that is current when the work is put there; a plan
   *     belongs to a device, the handle only gives the stream
   */
  public Work execution(Supplier<cudnnHandle> cudnn, CudnnDescriptor variantPack) {
    return () ->
        Check.cudnn(
            JCudnn.cudnnBackendExecute(cudnn.get(), descriptor, variantPack.descriptor),
            "cudnnBackendExecute");
  }

  @Override
  public void close() {
    Check.cudnn(JCudnn.cudnnBackendDestroyDescriptor(descriptor), "cudnnBackendDestroyDescriptor");
  }
}
