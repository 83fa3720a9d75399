/* An NVML for machines without a driver: the functions that are called, and how they fail.
   The signatures are those of nvml.h; fake_* are for the tests. */
#include <string.h>
#include <stdio.h>
#include <unistd.h>

typedef struct { int index; } device_t;
typedef struct { device_t *device; unsigned long long type, data; unsigned gi, ci; } event_t;

static device_t devices[16];
static unsigned cards = 2, replays[16], lost = 99;
static int init_result = 0, stuck = 0, events_offered = 1;
static event_t queue[64];
static unsigned queued = 0;

void fake_reset(unsigned count) {
    cards = count; lost = 99; init_result = 0; stuck = 0; queued = 0; events_offered = 1;
    memset(replays, 0, sizeof replays);
}
void fake_replays(unsigned index, unsigned count) { replays[index] = count; }
void fake_lose(unsigned index) { lost = index; }
void fake_init(int result) { init_result = result; }
void fake_stuck(int on) { stuck = on; }
void fake_events(int offered) { events_offered = offered; }
void fake_xid(unsigned index, unsigned code) {
    event_t event = {&devices[index], 8, code, 0, 0};
    queue[queued++] = event;
}

static void wait_while_stuck(void) { while (stuck) usleep(10000); }

int nvmlInitWithFlags(unsigned flags) { wait_while_stuck(); return init_result; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = cards; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t **device) {
    if (index == lost) return 15;
    devices[index].index = (int)index;
    *device = &devices[index];
    return 0;
}
int nvmlDeviceGetUUID(device_t *device, char *uuid, unsigned size) {
    snprintf(uuid, size, "GPU-0000000%d-1111-2222-3333-444444444444", device->index);
    return 0;
}
int nvmlEventSetCreate(void **set) { *set = &queue; return 0; }
int nvmlDeviceRegisterEvents(device_t *device, unsigned long long types, void *set) {
    return events_offered ? 0 : 3;
}
int nvmlEventSetWait_v2(void *set, event_t *event, unsigned timeout_ms) {
    wait_while_stuck();
    for (unsigned waited = 0; !queued; waited += 10) {
        if (waited >= timeout_ms) return 10;
        usleep(10000);
    }
    *event = queue[0];
    memmove(queue, queue + 1, --queued * sizeof *queue);
    return 0;
}
int nvmlDeviceGetPcieReplayCounter(device_t *device, unsigned *count) {
    if ((unsigned)device->index == lost) return 15;
    *count = replays[device->index];
    return 0;
}
const char *nvmlErrorString(int code) {
    return code == 15 ? "GPU is lost" : code == 9 ? "Driver Not Loaded" : "Unknown Error";
}
