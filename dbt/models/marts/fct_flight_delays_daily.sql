with flights as (

    select * from {{ ref('stg_flights') }}

)

select
    flight_on,
    origin,
    carrier,
    count(*) as flights,
    sum(case when is_cancelled then 1 else 0 end) as cancelled,
    sum(case when departure_delay_minutes > 15 then 1 else 0 end) as departed_late,
    sum(case when arrival_delay_minutes > 15 then 1 else 0 end) as arrived_late,
    round(avg(cast(departure_delay_minutes as double)), 2) as average_departure_delay_minutes,
    round(avg(cast(arrival_delay_minutes as double)), 2) as average_arrival_delay_minutes,
    max(departure_delay_minutes) as longest_departure_delay_minutes,
    sum(cast(distance_miles as bigint)) as scheduled_miles
from flights
group by flight_on, origin, carrier
