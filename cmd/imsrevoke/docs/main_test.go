package docs

import (
	"testing"

	"imsrevoke/cmd/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, nil) }
