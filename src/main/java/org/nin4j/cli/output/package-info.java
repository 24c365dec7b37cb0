/** What people see: tables, numbers, progress, failures and exit codes. */
package org.nin4j.cli.output;
