/**
 * NiN4J. What is exported is what users may name: {@code model} describes, {@code plan} plans,
 * {@code backend} computes, {@code data} and {@code train} train, {@code interop} reads and writes
 * what other programs do. Everything else may change at any time.
 */
module org.nin4j {
  requires transitive com.google.gson;
  requires com.google.protobuf;
  requires info.picocli;
  requires java.desktop;
  requires java.net.http;
  requires jdk.httpserver;
  requires jcublas;
  requires jcuda;
  requires jcudnn;
  requires me.tongfei.progressbar;
  requires org.bytedeco.dnnl;
  requires org.bytedeco.javacpp;
  requires org.knowm.xchart;
  requires org.tribuo.util.onnx;

  exports org.nin4j.backend;
  exports org.nin4j.backend.choice;
  exports org.nin4j.data;
  exports org.nin4j.data.folder;
  exports org.nin4j.data.published;
  exports org.nin4j.data.shapes;
  exports org.nin4j.data.whitening;
  exports org.nin4j.interop;
  exports org.nin4j.model;
  exports org.nin4j.model.json;
  exports org.nin4j.model.zoo;
  exports org.nin4j.plan;
  exports org.nin4j.plan.step;
  exports org.nin4j.study;
  exports org.nin4j.tensor;
  exports org.nin4j.train;
  exports org.nin4j.train.checkpoint;
  exports org.nin4j.train.diagnosis;
  exports org.nin4j.train.history;
  exports org.nin4j.train.recipe;
  exports org.nin4j.train.rounds;
  exports org.nin4j.train.run;
  exports org.nin4j.train.tensorboard;
}
