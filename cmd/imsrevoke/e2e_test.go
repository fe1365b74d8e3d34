//go:build e2e

package main_test

import "testing"

// TestE2E proves the program against a real Glance and Keystone, and judges
// what it did by asking Glance itself. The site is shared, so what takes a
// service down comes after what needs all of them.
func TestE2E(t *testing.T) {
	s := newSite(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *site)
	}{
		{"answers", testAnswers},
		{"lists", testLists},
		{"offers", testOffers},
		{"credentials", testCredentials},
		{"hazardous ids", testHazards},
		{"unknown images", testUnknown},
		{"rate", testRate},
		{"check and verify", testCheck},
		{"kill and resume", testCrash},
		{"outages", testOutages},
		{"Glance without Keystone", testValidation},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
}
