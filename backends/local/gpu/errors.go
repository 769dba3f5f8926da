package gpu

import (
	"fmt"
	"strings"
)

// OutOfMemory is the error of an allocation that the device has no room for.
type OutOfMemory struct {
	Device      string // as Info.String gives it
	Asked       int64  // bytes
	Free, Total int64  // bytes, when it failed; zero where the driver would not say
}

// Error names the sizes and says what can be done.
func (e *OutOfMemory) Error() string {
	return fmt.Sprintf("allocate %s on %s: out of memory (%s of %s free)\n"+
		"hint: other processes may hold the card's memory (nvidia-smi lists them); a smaller model or "+
		"--compute bf16 needs less", Bytes(e.Asked), e.Device, Bytes(e.Free), Bytes(e.Total))
}

// Error is an error of a driver call, or of work that was enqueued before it.
type Error struct {
	Call   string // what was being done: launch add_norm_bf16
	Device string // as Info.String gives it
	Code   int    // CUresult
	Name   string // its name: CUDA_ERROR_ILLEGAL_ADDRESS
	Detail string // further text, such as the compiler's log; may be empty
	Hint   string // what to do; may be empty
}

// Error names the call, the device and the driver's name of the error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s: %s (%d)", e.Call, e.Device, e.Name, e.Code)
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\nhint: %s", e.Hint)
	}
	return b.String()
}

// The results of driver calls that are told apart (cuda.h, enum cudaError_enum).
const (
	codeInvalidValue     = 1
	codeOutOfMemory      = 2
	codeNotInitialized   = 3
	codeDeinitialized    = 4
	codeNoDevice         = 100
	codeInvalidDevice    = 101
	codeInvalidImage     = 200
	codeNoBinary         = 209
	codeECC              = 214
	codeInvalidPTX       = 218
	codeNVLink           = 220
	codeUnsupportedPTX   = 222
	codeNotFound         = 500
	codeIllegalAddress   = 700
	codeLaunchResources  = 701
	codeLaunchTimeout    = 702
	codeContextDestroyed = 709
	codeAssert           = 710
	codeHardwareStack    = 714
	codeIllegalInstr     = 715
	codeMisaligned       = 716
	codeAddressSpace     = 717
	codeInvalidPC        = 718
	codeLaunchFailed     = 719
	codeSystemNotReady   = 802
	codeDriverMismatch   = 803
	codeCaptureFirst     = 900
	codeCaptureLast      = 907
	codeUnknown          = 999
)

// Lost reports whether the device's context is beyond repair, so that every later call fails too and the process that holds
// it has to be started anew (the CUDA driver API's documentation says so of each of these results).
func (e *Error) Lost() bool {
	switch e.Code {
	case codeDeinitialized, codeECC, codeNVLink, codeIllegalAddress, codeLaunchTimeout, codeContextDestroyed, codeAssert,
		codeHardwareStack, codeIllegalInstr, codeMisaligned, codeAddressSpace, codeInvalidPC, codeLaunchFailed, codeUnknown:
		return true
	}
	return false
}

// HintFor returns what a user can do about a result of a driver call, or nothing where there is no general advice.
func HintFor(code int) string {
	switch {
	case code == codeOutOfMemory:
		return "other processes may hold the card's memory; nvidia-smi lists them"
	case code == codeNoDevice, code == codeInvalidDevice:
		return "nvidia-smi lists the devices; CUDA_VISIBLE_DEVICES may hide them"
	case code == codeNotInitialized, code == codeSystemNotReady, code == codeDriverMismatch:
		return "the driver is not ready or was changed since the machine started: see nvidia-smi, and restart the machine"
	case code == codeInvalidPTX, code == codeUnsupportedPTX, code == codeInvalidImage, code == codeNoBinary:
		return "the driver is too old for the kernels: update it (R525 or later)"
	case code == codeECC, code == codeNVLink:
		return "the card reports a hardware error: see nvidia-smi -q"
	case code == codeLaunchTimeout:
		return "the card also drives a display and stopped a long kernel: use another card"
	case code >= codeCaptureFirst && code <= codeCaptureLast:
		return "this is a defect of onset: please report it with the text above"
	case code == codeIllegalAddress, code == codeMisaligned, code == codeLaunchFailed, code == codeIllegalInstr,
		code == codeInvalidPC, code == codeAddressSpace, code == codeLaunchResources, code == codeInvalidValue,
		code == codeNotFound, code == codeAssert, code == codeHardwareStack:
		return "this is a defect of onset, or a card that fails: please report it with the text above"
	}
	return ""
}

// Bytes writes a number of bytes for a message: 512 bytes, 1.5 MiB, 79.6 GiB.
func Bytes(n int64) string {
	const units = "KMGT"
	if n < 1024 && n > -1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	x, at := float64(n)/1024, 0
	for (x >= 1024 || x <= -1024) && at < len(units)-1 {
		x, at = x/1024, at+1
	}
	return fmt.Sprintf("%.1f %ciB", x, units[at])
}
