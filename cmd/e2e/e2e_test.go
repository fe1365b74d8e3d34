//go:build e2e

// Package e2e runs the program against a real Glance and Keystone; see .ci/e2e.
package e2e

import (
	"fmt"
	"testing"
	"time"

	"imsrevoke/cmd/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, nil) }

// TestE2E proves the program against a real Glance and Keystone, and judges
// what it did by asking Glance itself. The site is shared, so what takes a
// service down comes after what needs all of them. It prints how long each part
// takes.
func TestE2E(t *testing.T) {
	s := newSite(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *site)
	}{
		{"answers", testAnswers},
		{"lists", testLists},
		{"image lists", testImageLists},
		{"offers", testOffers},
		{"credentials", testCredentials},
		{"access rules", testAccessRules},
		{"hazardous ids", testHazards},
		{"unknown images", testUnknown},
		{"rate", testRate},
		{"spread", testSpread},
		{"check and verify", testCheck},
		{"list", testList},
		{"spellings of ids", testSpellings},
		{"restore", testRestore},
		{"kill and resume", testCrash},
		{"outages", testOutages},
		{"everything at once", testEverything},
		{"Glance without Keystone", testValidation},
	} {
		began := time.Now()
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
		fmt.Printf("e2e:   %-26s %6.1f s\n", part.name, time.Since(began).Seconds())
	}
}
