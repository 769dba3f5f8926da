//go:build cuda

package cu

import (
	"testing"
)

// onStub skips the test where the driver is a real one.
func onStub(t *testing.T) {
	t.Helper()
	if !extDriverHas(emulator) {
		t.Skip("the test asks the driver's stand-in for faults; this is a real driver")
	}
}

// openFirst opens cuda:0, and closes it at the end of the test.
func openFirst(t testing.TB) *device {
	t.Helper()
	return openDevice(t, 0)
}

func openDevice(t testing.TB, ordinal int) *device {
	t.Helper()
	d, err := Open(ordinal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d.(*device)
}
