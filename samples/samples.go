// Package samples holds inputs to try the program on.
package samples

import _ "embed"

// Pairs is pairs.csv, a small clean file of pairs.
//
//go:embed pairs.csv
var Pairs []byte
