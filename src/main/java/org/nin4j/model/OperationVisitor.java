package org.nin4j.model;

/**
 * Something to be done for each kind of operation. Whoever implements it is told by the compiler
 * which kind is missing.
 */
public interface OperationVisitor<R> {
  R visit(Conv2d layer);

  R visit(Linear layer);

  R visit(Activation layer);

  R visit(BatchNorm layer);

  R visit(MaxPool2d layer);

  R visit(AvgPool2d layer);

  R visit(GlobalAvgPool2d layer);

  R visit(GlobalMaxPool2d layer);

  R visit(Dropout layer);

  R visit(Flatten layer);

  R visit(Identity layer);

  R visit(Sum layer);

  R visit(Concat layer);
}
