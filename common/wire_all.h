/*
 * All payloads, for who reads messages.def with its sizes.
 */
#ifndef GW_WIRE_ALL_H
#define GW_WIRE_ALL_H

#include "wire.h"
#include "wire_conf.h"
#include "wire_ctl.h"
#include "wire_driver.h"
#include "wire_link.h"
#include "wire_port.h"
#include "wire_probe.h"
#include "wire_relay.h"
#include "wire_resolve.h"
#include "wire_status.h"
#include "wire_trace.h"

#endif
