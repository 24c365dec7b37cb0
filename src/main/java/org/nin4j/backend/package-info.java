/**
 * Bind and run: a backend takes a placed plan to its device; a session replays it.
 *
 * <pre>{@code
 * Network network = NetworkInNetwork.of(10);
 * BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 224, 224);
 * Plan plan =
 *     Planner.plan(network, images, 128, Precision.FP32, new Purpose.Training(Sgd.PLAIN));
 * try (Backend backend = Devices.open("auto", 2);
 *     Session session = backend.bind(backend.prepare(plan))) {
 *   // write the initial parameters, load the samples, then
 *   session.begin(new Epoch(seed, 0, order, learningRates));
 *   session.run(); // once for each batch of the order
 *   System.out.println(session.metrics().loss());
 * }
 * }</pre>
 */
package org.nin4j.backend;
