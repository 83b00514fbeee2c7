import { busSuite } from "../../tests/fixtures/bus-suite.ts";
import { createLocalBus } from "./local-bus.ts";

busSuite(async (failures) => createLocalBus((error) => failures.push(error)));
