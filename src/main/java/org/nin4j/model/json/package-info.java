/** Descriptions of networks as JSON. */
package org.nin4j.model.json;
