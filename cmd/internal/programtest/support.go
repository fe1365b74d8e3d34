package programtest

import (
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// Main runs the tests of a package, and makes their binary serve as the
// program imsrevoke, too, which is then found by its name, unless program is nil. It
// fails when the tests leave goroutines behind.
func Main(m *testing.M, program func()) {
	commands := map[string]func(){"linger": linger}
	if program != nil {
		commands["imsrevoke"] = program
	}
	testscript.Main(leakChecked{m}, commands)
}

// leakChecked fails when the tests leave goroutines behind. (goleak's own
// VerifyTestMain exits, and testscript has to clean up after the tests.)
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	waitTogether()
	code := m.M.Run()
	for _, end := range atEnd {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// linger exits a moment later with the exit code of its argument: testscript stops
// to read a terminal as soon as the program on it ends, and what it has not read by
// then is lost.
func linger() {
	time.Sleep(500 * time.Millisecond)
	code, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	os.Exit(code)
}

// atEnd is done when all tests of the package have ended.
var atEnd []func() error

// waitTogether lets more tests run at once than there are processors, unless
// -parallel says how many: they spend most of their time waiting, for the disk, for
// a simulated server, or for a program to end.
func waitTogether() {
	const least = 8
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given && runtime.GOMAXPROCS(0) < least {
		if err := flag.Set("test.parallel", fmt.Sprint(least)); err != nil {
			panic(err)
		}
	}
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
