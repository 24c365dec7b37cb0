package org.nin4j.backend.cuda;

import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_BOOLEAN;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_FLOAT;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_HANDLE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_INT64;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_VOID_PTR;

import java.util.List;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnBackendDescriptor;
import jcuda.jcudnn.cudnnHandle;

/**
 * A descriptor of cuDNN's graph API: its attributes are set, then it is finished, and from then on
 * it can be read and named by others. Types and attributes have the same numbers in cuDNN 8, whose
 * names JCudnn has, and in cuDNN 9.
 */
final class CudnnDescriptor implements AutoCloseable {
  private static final String FINISH = "cudnnBackendFinalize";

  private final CudnnValues values;
  private final cudnnBackendDescriptor descriptor = new cudnnBackendDescriptor();

  /**
   * An empty one.
   *
   * @param values memory for the values of attributes
   * @param type of {@code cudnnBackendDescriptorType}
   */
  CudnnDescriptor(CudnnValues values, int type) {
    this.values = values;
    Check.cudnn(
        JCudnn.cudnnBackendCreateDescriptor(type, descriptor), "cudnnBackendCreateDescriptor");
  }

  CudnnDescriptor integers(int attribute, long... integers) {
    values.writeLongs(integers);
    return set(attribute, CUDNN_TYPE_INT64, integers.length);
  }

  CudnnDescriptor number(int attribute, float number) {
    values.writeInts(Float.floatToRawIntBits(number));
    return set(attribute, CUDNN_TYPE_FLOAT, 1);
  }

  CudnnDescriptor yes(int attribute) {
    // The first of its bytes is the truth value.
    values.writeInts(1);
    return set(attribute, CUDNN_TYPE_BOOLEAN, 1);
  }

  /** A value of one of cuDNN's enumerations. */
  CudnnDescriptor choice(int attribute, int type, int choice) {
    values.writeInts(choice);
    return set(attribute, type, 1);
  }

  CudnnDescriptor handle(int attribute, cudnnHandle handle) {
    values.writeLongs(Address.ofHandle(handle));
    return set(attribute, CUDNN_TYPE_HANDLE, 1);
  }

  CudnnDescriptor places(int attribute, CUdeviceptr... places) {
    values.writeLongs(Stream.of(places).mapToLong(Address::ofPlace).toArray());
    return set(attribute, CUDNN_TYPE_VOID_PTR, places.length);
  }

  CudnnDescriptor descriptors(int attribute, CudnnDescriptor... descriptors) {
    values.writeLongs(addresses(List.of(descriptors)));
    return set(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, descriptors.length);
  }

  private CudnnDescriptor set(int attribute, int type, long count) {
    Check.cudnn(
        JCudnn.cudnnBackendSetAttribute(descriptor, attribute, type, count, values.memory()),
        "cudnnBackendSetAttribute");
    return this;
  }

  /** Ends the setting of attributes. */
  CudnnDescriptor finish() {
    Check.cudnn(JCudnn.cudnnBackendFinalize(descriptor), FINISH);
    return this;
  }

  /**
   * Like {@link #finish}, where cuDNN may say that it does not support what is described, or fail
   * to compile it.
   *
   * @return whether it is finished
   */
  boolean finishIfSupported() {
    int status = JCudnn.cudnnBackendFinalize(descriptor);
    if (Check.cudnnDeclines(status) || Check.cudnnFailsWithin(status)) {
      return false;
    }
    Check.cudnn(status, FINISH);
    return true;
  }

  /** How many values an attribute has. */
  int count(int attribute, int type) {
    return get(attribute, type, 0);
  }

  long integer(int attribute) {
    get(attribute, CUDNN_TYPE_INT64, 1);
    return values.readLongs(1)[0];
  }

  /** All values of an attribute that is a list of values of an enumeration. */
  int[] choices(int attribute, int type) {
    int count = count(attribute, type);
    if (count > 0) {
      get(attribute, type, count);
    }
    return values.readInts(count);
  }

  /** Makes empty descriptors what the first values of the attribute are. */
  void read(int attribute, List<CudnnDescriptor> targets) {
    values.writeLongs(addresses(targets));
    get(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, targets.size());
  }

  private int get(int attribute, int type, long wanted) {
    long[] count = new long[1];
    Check.cudnn(
        JCudnn.cudnnBackendGetAttribute(
            descriptor, attribute, type, wanted, count, values.memory()),
        "cudnnBackendGetAttribute");
    return Math.toIntExact(count[0]);
  }

  private static long[] addresses(List<CudnnDescriptor> descriptors) {
    return descriptors.stream().mapToLong(d -> Address.ofHandle(d.descriptor)).toArray();
  }

  /**
   * Runs this plan on the tensors of a variant pack, in the stream that the device's work goes to
   * then. A plan belongs to a device; the handle only gives the stream.
   */
  Work execution(Device device, CudnnDescriptor variantPack) {
    return () ->
        Check.cudnn(
            JCudnn.cudnnBackendExecute(device.cudnn(), descriptor, variantPack.descriptor),
            "cudnnBackendExecute");
  }

  @Override
  public void close() {
    Check.cudnn(JCudnn.cudnnBackendDestroyDescriptor(descriptor), "cudnnBackendDestroyDescriptor");
  }
}
