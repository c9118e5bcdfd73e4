-- The mart must hold every scheduled flight exactly once.
{{ config(tags=['marts']) }}

with silver as (

    select count(*) as flights from {{ ref('stg_flights') }}

),

gold as (

    select sum(flights) as flights from {{ ref('fct_flight_delays_daily') }}

)

select silver.flights as silver_flights, gold.flights as gold_flights
from silver
cross join gold
where silver.flights <> gold.flights
