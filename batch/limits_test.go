package batch

import "testing"

func TestAllowancesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{
		"20%": "20%", " 2.5 % ": "2.5%", "0%": "0%", "0": "0", "100": "100", "none": "none",
	} {
		a, err := ParseAllowance(text)
		if err != nil || a.String() != want {
			t.Errorf("ParseAllowance(%q) = %v, %v; want %s", text, a, err, want)
		}
	}
	for _, text := range []string{"", "-1", "101%", "-1%", "NaN%", "many", "1.5", "%"} {
		if a, err := ParseAllowance(text); err == nil {
			t.Errorf("ParseAllowance(%q) = %v; want an error", text, a)
		}
	}
}

func TestWhatAnAllowanceAllows(t *testing.T) {
	tests := []struct {
		allowance        string
		failed, finished int
		exceeded         bool
	}{
		{"none", 1000, 1000, false},
		{"0", 0, 10, false},
		{"0", 1, 10, true},
		{"5", 5, 5, false},
		{"5", 6, 6, true},
		{"20%", 49, 49, false},
		{"20%", 10, 50, false},
		{"20%", 11, 50, true},
		{"0%", 1, 50, true},
		{"100%", 50, 50, false},
	}
	for _, tt := range tests {
		a, err := ParseAllowance(tt.allowance)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.exceeded(tt.failed, tt.finished); got != tt.exceeded {
			t.Errorf("%s: %d of %d failed: exceeded = %v; want %v", tt.allowance, tt.failed, tt.finished, got, tt.exceeded)
		}
	}
	if (Allowance{}).exceeded(1, 1) {
		t.Error("the zero Allowance stops a run")
	}
}
