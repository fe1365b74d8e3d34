package programtest

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// Main runs the tests of a package, and makes their binary serve as the
// program imsrevoke, too, which is then found by its name. It fails when the tests
// leave goroutines behind.
func Main(m *testing.M, program func()) {
	testscript.Main(leakChecked{m}, map[string]func(){"imsrevoke": program})
}

// leakChecked fails when the tests leave goroutines behind. (goleak's own
// VerifyTestMain exits, and testscript has to clean up after the tests.)
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// HearHangups keeps programs from inheriting of a test under nohup that SIGHUP
// is ignored.
func HearHangups() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// Variables are the variables of an environment in the form of [exec.Cmd].
func Variables(environment map[string]string, more ...string) []string {
	list := slices.Clone(more)
	for name, value := range environment {
		list = append(list, name+"="+value)
	}
	return list
}

// ReportHeader is the header of a report of a file without other columns.
const ReportHeader = "line,image_id,member_id,outcome,http_status,attempts,duration_ms,request_id,message,finished_at,verified,also_shared_with"

// ReadCSV reads the rows of a CSV, the header first.
func ReadCSV(path string) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return csv.NewReader(file).ReadAll()
}
