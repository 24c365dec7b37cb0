/** Charts as files. */
package org.nin4j.chart;
