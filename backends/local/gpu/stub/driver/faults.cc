// What the environment asks of the stand-in: devices, their memory, failures.
#include "driver.h"

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace stub {

std::recursive_mutex big;

void warn(const char *format, ...) {
	if (const char *quiet = getenv("ONSET_STUB_QUIET"))
		if (*quiet == '1') return;
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fprintf(stderr, "onset emulator: %s\n", text);
}

// A Countdown is "call:N" of a variable: true on the Nth call of that name since the variable was set.
class Countdown {
public:
	explicit Countdown(const char *variable) : variable(variable) {}
	bool due(Call call) {
		const char *now = getenv(variable);
		if (!now) now = "";
		if (value != now) {
			value = now;
			count = 0;
			size_t colon = value.find(':');
			name = value.substr(0, colon);
			at = colon == std::string::npos ? 1 : strtoll(value.c_str() + colon + 1, nullptr, 10);
			if (!value.empty() && name != "alloc" && name != "launch" && name != "copy")
				warn("%s=%s: want alloc:N, launch:N or copy:N", variable, now);
		}
		static const char *const names[] = {"alloc", "launch", "copy"};
		return name == names[static_cast<int>(call)] && ++count == at;
	}

private:
	const char *variable;
	std::string value, name;
	long long count = 0, at = 0;
};

bool should_fail(Call call) {
	static Countdown fail("ONSET_STUB_FAIL"), crash("ONSET_STUB_CRASH");
	if (crash.due(call)) {
		warn("ends the process, as ONSET_STUB_CRASH asks");
		kill(getpid(), SIGKILL);
	}
	return fail.due(call);
}

static long long number(const char *variable, long long otherwise) {
	const char *s = getenv(variable);
	return s && *s ? strtoll(s, nullptr, 10) : otherwise;
}

// item is the device'th of a comma-separated list, or its last.
static std::string item(const char *variable, int device, const char *otherwise) {
	const char *s = getenv(variable);
	std::string list = s && *s ? s : otherwise;
	for (int i = 0; i < device; i++) {
		size_t comma = list.find(',');
		if (comma == std::string::npos) break;
		list = list.substr(comma + 1);
	}
	return list.substr(0, list.find(','));
}

int device_count() { return static_cast<int>(number("ONSET_STUB_DEVICES", 1)); }

size_t device_bytes(int device) { return static_cast<size_t>(strtoull(item("ONSET_STUB_MEMORY", device, "4294967296").c_str(), nullptr, 10)); }

std::string device_name(int device) { return item("ONSET_STUB_NAME", device, "onset emulator"); }

void device_capability(int device, int &major, int &minor) {
	if (sscanf(item("ONSET_STUB_CAPABILITY", device, "8.0").c_str(), "%d.%d", &major, &minor) != 2) {
		warn("ONSET_STUB_CAPABILITY: want MAJOR.MINOR");
		major = 8, minor = 0;
	}
}

int driver_version() { return static_cast<int>(number("ONSET_STUB_DRIVER", 12040)); }

bool lazy() { return number("ONSET_STUB_LAZY", 0) != 0; }

} // namespace stub
