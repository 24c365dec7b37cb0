/**
 * Training: recipes, schedules, the trainer with its listeners, checkpoints, run folders, and
 * trained networks at work.
 *
 * <pre>{@code
 * TrainTest data = Shapes.draw(1, 60_000, 10_000, 2);
 * Recipe recipe = Recipes.standard().toBuilder().dataset("shapes").epochs(2).build();
 * try (Backend backend = Devices.open("auto", 2)) {
 *   Checkpoint trained = new Trainer(backend, recipe, data, List.of()).train();
 *   trained.write(Path.of("shapes.safetensors"));
 *   try (Classifier classifier = Classifier.load(Path.of("shapes.safetensors"), backend)) {
 *     byte[] image = new byte[28 * 28];
 *     data.test().copyImage(0, image, 0);
 *     System.out.println(classifier.classify(image).best().name());
 *   }
 * }
 * }</pre>
 */
package org.nin4j.train;
