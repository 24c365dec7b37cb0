package org.nin4j.spark;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.Params;

/** The parameters that a model has, and an estimator hands on to its model. */
final class PredictionParams {
  final Param<String> inputCol;
  final Param<String> predictionCol;
  final Param<String> probabilityCol;
  final Param<String> rawPredictionCol;
  final Param<String> topCol;
  final IntParam topK;
  final IntParam batchSize;
  final BooleanParam dropInvalid;
  final Param<String> device;

  /**
   * @param owner whose {@code uid} is known already
   */
  PredictionParams(Params owner) {
    inputCol = new Param<>(owner, "inputCol", "column of images: image structs, encoded, vectors");
    predictionCol = new Param<>(owner, "predictionCol", "label of the answer; empty for none");
    probabilityCol = new Param<>(owner, "probabilityCol", "probabilities; empty for none");
    rawPredictionCol =
        new Param<>(owner, "rawPredictionCol", "logarithms of the probabilities; empty for none");
    topCol = new Param<>(owner, "topCol", "the topK likeliest classes with their names");
    topK =
        new IntParam(
            owner,
            "topK",
            "how many classes topCol holds; 0 for no such column",
            ParamValidators.gtEq(0));
    batchSize =
        new IntParam(
            owner,
            "batchSize",
            "images that are read before they are answered",
            ParamValidators.gt(0));
    dropInvalid =
        new BooleanParam(
            owner, "dropInvalid", "drop rows without a readable image, instead of answering null");
    device = new Param<>(owner, "device", "of executors: cpu, cuda, cuda:INDEX, auto, reference");
    owner.setDefault(inputCol, "image");
    owner.setDefault(predictionCol, "prediction");
    owner.setDefault(probabilityCol, "probability");
    owner.setDefault(rawPredictionCol, "rawPrediction");
    owner.setDefault(topCol, "top");
    owner.setDefault(topK, 0);
    owner.setDefault(batchSize, 64);
    owner.setDefault(dropInvalid, false);
    owner.setDefault(device, "cpu");
  }

  /** What is appended, by the names of the columns, for the owner's settings. */
  Map<String, Predictor.Output> outputs(Params owner) {
    Map<String, Predictor.Output> outputs = new LinkedHashMap<>();
    outputs.put(owner.getOrDefault(rawPredictionCol), Predictor.Output.RAW_PREDICTION);
    outputs.put(owner.getOrDefault(probabilityCol), Predictor.Output.PROBABILITY);
    outputs.put(owner.getOrDefault(predictionCol), Predictor.Output.PREDICTION);
    if ((Integer) owner.getOrDefault(topK) > 0) {
      outputs.put(owner.getOrDefault(topCol), Predictor.Output.TOP);
    }
    outputs.remove("");
    return outputs;
  }
}
